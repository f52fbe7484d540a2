import type { Agent, Assignment } from '@keyward/contracts';
import { group, list, under } from './command.js';
import { agentId, moment } from './names.js';

interface Key {
  id: string;
  key?: string;
  createdAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
  lastFour: string;
}

const AGENT = { type: 'string', demandOption: true, describe: 'Its id or slug' } as const;

const listing = under({
  command: 'list',
  describe: 'All agents',
  builder: (args) => args,
  handler: async (session) => {
    const agents = await session.all<Agent>('agents', '/v1/agents');
    session.out.answer(agents, () =>
      session.out.table(
        agents,
        { ID: ({ id }) => id, SLUG: ({ slug }) => slug, NAME: ({ name }) => name, SINCE: ({ createdAt }) => moment(createdAt) },
        'There are no agents. Make one: keyward agents create <slug> <name>',
      ),
    );
  },
});

const create = under({
  command: 'create <slug> <name>',
  describe: 'Register an agent',
  builder: (args) =>
    args
      .positional('slug', { type: 'string', demandOption: true, describe: 'Short and unique, such as billing-bot' })
      .positional('name', { type: 'string', demandOption: true, describe: 'What people call it' }),
  handler: async (session, { slug, name }) => {
    const agent = await session.admin.post<Agent>('/v1/agents', { organization: await session.org(), slug, name });
    session.out.answer(agent, () =>
      session.out.say(`${agent.id}  It can do nothing yet: keyward agents assign ${slug} <connector>`),
    );
  },
});

const show = under({
  command: 'get <agent>',
  describe: 'One agent, and what it is assigned',
  builder: (args) => args.positional('agent', AGENT),
  handler: async (session, { agent }) => {
    const id = await agentId(session, agent);
    const found = await session.admin.get<Agent>(await session.path(`/v1/agents/${id}`));
    const { assignments } = await session.admin.get<{ assignments: Assignment[] }>(
      await session.path(`/v1/agents/${id}/assignments`),
    );
    session.out.answer({ ...found, assignments }, () => {
      session.out.details({ id: found.id, slug: found.slug, name: found.name, since: moment(found.createdAt) });
      session.out.table(
        assignments,
        {
          CONNECTOR: ({ connector }) => connector,
          PERMISSION: ({ permission }) => permission,
          TOOLS: ({ tools }) => tools?.join(' ') ?? 'all',
        },
        'No connector is assigned to it.',
      );
    });
  },
});

const assign = under({
  command: 'assign <agent> <connector>',
  describe: 'Let it use a connector’s tools; read-only unless said otherwise',
  builder: (args) =>
    args
      .positional('agent', AGENT)
      .positional('connector', { type: 'string', demandOption: true, describe: 'Name of the connector' })
      .option('permission', {
        choices: ['read', 'write', 'destructive'] as const,
        default: 'read' as const,
        describe: 'Up to which effect',
      })
      .option('tool', { type: 'string', array: true, describe: 'Only these tools' })
      .option('remove', { type: 'boolean', default: false, describe: 'Take the connector away instead' }),
  handler: async (session, { agent, connector, permission, tool, remove }) => {
    const path = await session.path(`/v1/agents/${await agentId(session, agent)}/assignments`);
    const { assignments } = await session.admin.get<{ assignments: Assignment[] }>(path);
    const others = assignments.filter((one) => one.connector !== connector);
    const wanted = remove ? others : [...others, { connector, permission, tools: list(tool) ?? null }];
    const answer = await session.admin.put<{ assignments: Assignment[] }>(path, { assignments: wanted });
    session.out.answer(answer.assignments, () =>
      session.out.say(remove ? `${connector} is taken away.` : `${connector} is assigned (${permission}).`),
    );
  },
});

const keys = under({
  command: 'keys <agent>',
  describe: 'Its keys; never the secret',
  builder: (args) => args.positional('agent', AGENT),
  handler: async (session, { agent }) => {
    const answer = await session.admin.get<{ keys: Key[] }>(
      await session.path(`/v1/agents/${await agentId(session, agent)}/keys`),
    );
    session.out.answer(answer.keys, () =>
      session.out.table(
        answer.keys,
        {
          ID: ({ id }) => id,
          ENDS: ({ lastFour }) => `…${lastFour}`,
          SINCE: ({ createdAt }) => moment(createdAt),
          STATE: ({ revokedAt, expiresAt }) =>
            revokedAt !== null ? 'revoked' : expiresAt === null ? 'active' : `ends ${moment(expiresAt)}`,
        },
        'It has no key. Make one: keyward agents create-key',
      ),
    );
  },
});

const createKey = under({
  command: 'create-key <agent>',
  describe: 'A new key, shown this once',
  builder: (args) => args.positional('agent', AGENT),
  handler: async (session, { agent }) => {
    const path = await session.path(`/v1/agents/${await agentId(session, agent)}/keys`);
    const key = await session.admin.post<Key>(path);
    session.out.answer(key, () => session.out.say(key.key ?? ''));
  },
});

const rotateKey = under({
  command: 'rotate-key <agent> <key>',
  describe: 'A new key; the old one works on for a while',
  builder: (args) =>
    args
      .positional('agent', AGENT)
      .positional('key', { type: 'string', demandOption: true, describe: 'Id of the old key' })
      .option('overlap', { type: 'number', default: 86_400, describe: 'How long the old one works on, in seconds' }),
  handler: async (session, { agent, key, overlap }) => {
    const path = await session.path(`/v1/agents/${await agentId(session, agent)}/keys/${encodeURIComponent(key)}/rotate`);
    const made = await session.admin.post<Key>(path, { overlapSeconds: overlap });
    session.out.answer(made, () => session.out.say(made.key ?? ''));
  },
});

const revokeKey = under({
  command: 'revoke-key <agent> <key>',
  describe: 'End a key now',
  builder: (args) =>
    args.positional('agent', AGENT).positional('key', { type: 'string', demandOption: true, describe: 'Id of the key' }),
  handler: async (session, { agent, key }) => {
    const path = await session.path(`/v1/agents/${await agentId(session, agent)}/keys/${encodeURIComponent(key)}`);
    const ended = await session.admin.delete<Key>(path);
    session.out.answer(ended, () => session.out.say(`${ended.id} is revoked.`));
  },
});

export const agents = group(
  'agents',
  'Agents, what they may do, and their keys',
  listing,
  create,
  show,
  assign,
  keys,
  createKey,
  rotateKey,
  revokeKey,
);
