import type { Connection, ConnectionAuthorization, ConnectionTest, RevokedConnections } from '@keyward/contracts';
import { confirm } from '../output/confirm.js';
import { Usage } from '../output/fail.js';
import type { Session } from '../session/session.js';
import { group, list, under } from './command.js';
import { agentId, moment } from './names.js';
import { reauthorize } from './reauthorize.js';

const COLUMNS = {
  ID: ({ id }: Connection) => id,
  PROVIDER: ({ provider, alias }: Connection) => (alias === 'default' ? provider : `${provider}/${alias}`),
  FOR: ({ kind, user }: Connection) => (kind === 'workspace' ? 'the workspace' : user),
  AGENT: ({ agent, agents }: Connection) => agent ?? agents?.join(' ') ?? '',
  STATUS: ({ status, revocation, refresh }: Connection) => {
    const remark =
      revocation?.state ?? (refresh?.waiting === 'provider_rejects_registration' ? 'registration rejected' : undefined);
    return remark === undefined ? status : `${status} (${remark})`;
  },
  SCOPES: ({ scopes }: Connection) => scopes.join(' '),
};

function show({ out }: Session, connection: Connection): void {
  const { revocation } = connection;
  out.details({
    id: connection.id,
    provider: connection.provider,
    alias: connection.alias,
    kind: connection.kind,
    user: connection.user,
    agent: connection.agent,
    agents: connection.agents?.join(' '),
    account: connection.account.name ?? connection.account.id,
    status: connection.status,
    reason: connection.statusReason ?? undefined,
    scopes: connection.scopes.join(' '),
    authorized: connection.authorizedBy === null ? null : `by ${connection.authorizedBy.kind} ${connection.authorizedBy.id}`,
    'asked again': moment(connection.reauthorizationAskedAt) ?? undefined,
    'token ends': moment(connection.expiresAt),
    ...refreshOf(connection),
    revocation: revocation === undefined ? undefined : `${revocation.state} after ${revocation.attempts} attempts`,
  });
}

const WAITING = {
  provider_rejects_registration: 'waits until the provider takes your registration: keyward providers registrations',
  backing_off: 'did not succeed, and is tried again',
} as const;

function refreshOf({ refresh }: Connection): Record<string, string | null | undefined> {
  if (refresh === undefined) return {};
  const { kind, dueAt, asleep, lastRefreshedAt, failures, refreshTokenExpiresAt, waiting } = refresh;
  const planned = waiting !== null ? WAITING[waiting] : asleep ? 'with its next use' : kind === 'none' ? 'no' : 'by itself';
  return {
    refreshed: moment(lastRefreshedAt),
    'next refresh': [planned, moment(dueAt)].filter((part) => part !== null).join(', '),
    'failed so far': failures === 0 ? undefined : String(failures),
    'refresh token ends': moment(refreshTokenExpiresAt) ?? undefined,
  };
}

const one = (id: string): string => `/v1/connections/${encodeURIComponent(id)}`;

const listing = under({
  command: 'list',
  describe: 'All connections, newest first',
  builder: (args) =>
    args
      .option('user', { type: 'string', describe: 'Of this user' })
      .option('agent', { type: 'string', describe: 'Of this agent: its id or slug' })
      .option('provider', { type: 'string', describe: 'At this provider' })
      .option('status', {
        choices: ['pending', 'active', 'needs_reauthorization', 'revoked'] as const,
        describe: 'In this state',
      }),
  handler: async (session, { user, agent, provider, status }) => {
    const query = { user, provider, status, agent: agent === undefined ? undefined : await agentId(session, agent) };
    const connections = await session.all<Connection>('connections', '/v1/connections', query);
    session.out.answer(connections, () => session.out.table(connections, COLUMNS, 'There are no connections.'));
  },
});

const get = under({
  command: 'get <id>',
  describe: 'One connection',
  builder: (args) => args.positional('id', { type: 'string', demandOption: true, describe: 'Its id' }),
  handler: async (session, { id }) => {
    const connection = await session.admin.get<Connection>(await session.path(one(id)));
    session.out.answer(connection, () => show(session, connection));
  },
});

const test = under({
  command: 'test <id>',
  describe: 'Ask the provider whether it works',
  builder: (args) => args.positional('id', { type: 'string', demandOption: true, describe: 'Its id' }),
  handler: async (session, { id }) => {
    const result = await session.admin.post<ConnectionTest>(await session.path(`${one(id)}/test`));
    session.out.answer(result, () =>
      session.out.details({
        outcome: result.outcome,
        account: result.account.name ?? result.account.id ?? undefined,
        'provider said': result.providerStatus,
        took: `${Math.round(result.durationMs)} ms`,
      }),
    );
    if (result.outcome === 'refused' || result.outcome === 'unreachable') process.exitCode = 1;
  },
});

const history = under({
  command: 'history <id>',
  describe: 'Every authorization that it has had',
  builder: (args) => args.positional('id', { type: 'string', demandOption: true, describe: 'Its id' }),
  handler: async (session, { id }) => {
    const answer = await session.admin.get<{ authorizations: ConnectionAuthorization[] }>(
      await session.path(`${one(id)}/history`),
    );
    session.out.answer(answer.authorizations, () =>
      session.out.table(
        answer.authorizations,
        {
          WHEN: ({ authorizedAt }) => moment(authorizedAt),
          BY: ({ authorizedBy }) => `${authorizedBy.kind} ${authorizedBy.id}`,
          ASKED: ({ requestedScopes }) => requestedScopes.join(' '),
          GRANTED: ({ scopes }) => scopes.join(' '),
        },
        'It was never authorized.',
      ),
    );
  },
});

const agents = under({
  command: 'agents <id> <agent..>',
  describe: 'Which agents may use a workspace connection: exactly those named',
  builder: (args) =>
    args
      .positional('id', { type: 'string', demandOption: true, describe: 'Its id' })
      .positional('agent', { type: 'string', array: true, demandOption: true, describe: 'Ids or slugs' }),
  handler: async (session, { id, agent }) => {
    const ids = await Promise.all((list(agent) ?? []).map((name) => agentId(session, name)));
    const connection = await session.admin.put<Connection>(`${one(id)}/agents`, {
      organization: await session.org(),
      agents: ids,
    });
    session.out.answer(connection, () => show(session, connection));
  },
});

const revoke = under({
  command: 'revoke [id..]',
  describe: 'End connections: here at once, at the provider until it confirms',
  builder: (args) =>
    args
      .positional('id', { type: 'string', array: true, describe: 'Ids; or one of the filters' })
      .option('user', { type: 'string', describe: 'All of this user' })
      .option('agent', { type: 'string', describe: 'All of this agent: its id or slug' })
      .option('provider', { type: 'string', describe: 'All at this provider' })
      .option('everything', { type: 'boolean', default: false, describe: 'All of the organization' })
      .option('confirm', { type: 'string', describe: 'With --everything: the organization’s id, so that nothing is asked' }),
  handler: async (session, args) => {
    if (args.id !== undefined && args.id.length > 0) return revokeOneByOne(session, args.id);
    const { user, provider, everything } = args;
    const agent = args.agent === undefined ? undefined : await agentId(session, args.agent);
    if (user === undefined && agent === undefined && provider === undefined && !everything)
      throw new Usage('Name connections, or --user, --agent, --provider or --everything.');
    const organization = await session.org();
    if (everything) await confirm(`This ends every connection of ${organization}.`, organization, args.confirm);
    const body = { organization, user, agent, provider, ...(everything ? { everything: true } : {}) };
    const answer = await session.admin.post<RevokedConnections>('/v1/connections/revoke', body);
    session.out.answer(answer, () =>
      session.out.say(`${answer.revoked} connections are revoked. Receipts: keyward connections list --status revoked`),
    );
  },
});

async function revokeOneByOne(session: Session, ids: readonly string[]): Promise<void> {
  const revoked: Connection[] = [];
  for (const id of ids) revoked.push(await session.admin.delete<Connection>(await session.path(one(id))));
  session.out.answer(revoked, () => session.out.table(revoked, COLUMNS, 'None.'));
}

export const connections = group(
  'connections',
  'What agents may use: list, test, history, reauthorize, revoke',
  listing,
  get,
  test,
  history,
  agents,
  reauthorize,
  revoke,
);
