import type { ToolListing } from '@keyward/contracts';
import { command } from './command.js';

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
          ...(user === undefined ? {} : { CONNECTION: ({ connectionStatus }: ToolListing) => connectionStatus ?? 'none' }),
          WHAT: ({ title }) => title,
        },
        'No tool is assigned to this agent.',
      ),
    );
  },
});
