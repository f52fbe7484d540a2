import type { ToolListing } from '@keyward/contracts';
import { command } from './command.js';

/** A unified tool is of several. */
function connectionOf({ connector, connectionStatus }: ToolListing): string {
  return connector === null ? '' : (connectionStatus ?? 'none');
}

export const tools = command({
  command: 'tools',
  describe: 'What the agent may call',
  builder: (args) =>
    args
      .option('connector', { type: 'string', describe: 'Of this connector' })
      .option('search', { type: 'string', describe: 'Whose name or description has this' })
      .option('user', { type: 'string', describe: 'Tell how this user’s connections stand' }),
  handler: async (session, { connector, search, user }) => {
    const found = await session.allOfAgent<ToolListing>('tools', '/v1/tools', { connector, search, user });
    session.out.answer(found, () =>
      session.out.table(
        found,
        {
          TOOL: ({ name }) => name,
          EFFECT: ({ effect }) => effect,
          CONNECTORS: ({ connectors }) => connectors.join(' '),
          ...(user === undefined ? {} : { CONNECTION: connectionOf }),
          WHAT: ({ title }) => title,
        },
        'No tool is assigned to this agent.',
      ),
    );
  },
});
