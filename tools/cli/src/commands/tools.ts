import type { ToolListing } from '@keyward/contracts';
import type { Session } from '../session/session.js';
import { command } from './command.js';

async function assignedTools(session: Session, query: Record<string, string | undefined>): Promise<ToolListing[]> {
  const tools: ToolListing[] = [];
  let cursor: string | null = null;
  do {
    const given = Object.entries({ ...query, cursor: cursor ?? undefined }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const page: { tools: ToolListing[]; nextCursor: string | null } = await session.agent.get(
      `/v1/tools?${new URLSearchParams(given)}`,
    );
    tools.push(...page.tools);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return tools;
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
    const found = await assignedTools(session, { connector, search, user });
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
