import { setTimeout as delay } from 'node:timers/promises';
import type { Connection, ConnectorDetail, ConnectSession, ConnectSessionStatus } from '@keyward/contracts';
import { secretInput } from '../output/confirm.js';
import { Hint, Usage } from '../output/fail.js';
import { printable } from '../output/output.js';
import type { Session } from '../session/session.js';
import { command, list, pairs } from './command.js';
import { agentId } from './names.js';

const POLL_MS = 1_000;
const ENDED = new Set(['completed', 'failed', 'cancelled', 'expired']);

interface ConnectArguments {
  provider: string;
  user?: string | undefined;
  agent?: string[] | undefined;
  workspace: boolean;
  alias: string;
  scope?: string[] | undefined;
  set?: string[] | undefined;
  wait: boolean;
  direct: boolean;
}

export const connect = command({
  command: 'connect <provider>',
  describe: 'Make a link on which a person connects an account, and wait until they have',
  builder: (args) =>
    args
      .positional('provider', { type: 'string', demandOption: true, describe: 'Name of the provider: keyward providers list' })
      .option('user', { type: 'string', describe: 'Whose account it will be' })
      .option('agent', {
        type: 'string',
        array: true,
        describe: 'For which agent (id or slug); with --workspace for which agents',
      })
      .option('workspace', { type: 'boolean', default: false, describe: 'One account for the organization, not for one user' })
      .option('alias', { type: 'string', default: 'default', describe: 'To tell several accounts at one provider apart' })
      .option('scope', { type: 'string', array: true, describe: 'What to ask for; left out: what the connector declares' })
      .option('set', { type: 'string', array: true, describe: 'A connection parameter, such as subdomain=acme' })
      .option('wait', { type: 'boolean', default: true, describe: 'Wait for the outcome; --no-wait only prints the link' })
      .option('direct', {
        type: 'boolean',
        default: false,
        describe: 'Connect here, without a browser: API keys (read from standard input) and service accounts',
      }),
  handler: async (session, args) => {
    if (args.direct) return connectHere(session, args);
    await follow(session, await request(session, args), args.wait);
  },
});

/** Makes the link, tells it, and waits for what becomes of it unless that is not wanted. */
export async function follow(session: Session, request: object, wait: boolean): Promise<void> {
  const link = await session.admin.post<ConnectSession>('/v1/connect-sessions', request);
  if (!wait) return session.out.answer(link, () => session.out.say(link.url));
  process.stderr.write(`Open this link, as the person whose account it is:\n${printable(link.url)}\n`);
  const ended = await outcome(session, link);
  if (ended.state !== 'completed')
    throw new Hint(`Nothing was connected (${ended.failure ?? ended.state}).`, 'A new link: the same command again.');
  session.out.answer({ ...link, ...ended }, () => session.out.say(`Connected: ${ended.connection ?? ''}`));
}

async function request(session: Session, { provider, user, agent, workspace, alias, scope, set }: ConnectArguments) {
  const agents = await Promise.all((list(agent) ?? []).map((name) => agentId(session, name)));
  if (!workspace && (user === undefined || agents.length !== 1)) throw new Usage('Name --user and one --agent; or --workspace.');
  const scopes = list(scope);
  return {
    organization: await session.org(),
    provider,
    alias,
    ...(workspace ? { kind: 'workspace', agents } : { user, agent: agents[0] }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(set === undefined ? {} : { parameters: pairs(set) }),
  };
}

/** Kinds of grant that ask for something the person, or a service, holds. */
const NEEDS_SECRET: Record<string, string> = {
  api_key: 'API key: ',
  basic: 'username:password: ',
  signed_jwt: 'Private key: ',
  oauth2_token_exchange: 'Subject token: ',
};

async function connectHere(session: Session, args: ConnectArguments): Promise<void> {
  const body = await request(session, args);
  const path = await session.path(`/v1/connectors/${encodeURIComponent(args.provider)}`);
  const { kind } = await session.admin.get<ConnectorDetail>(path);
  const prompt = NEEDS_SECRET[kind];
  const secret = prompt === undefined ? {} : { secret: await secretInput(prompt) };
  const connection = await session.admin.post<Connection>('/v1/connections', { ...body, ...secret });
  session.out.answer(connection, () => session.out.say(`Connected: ${connection.id}`));
}

async function outcome(session: Session, { id }: ConnectSession): Promise<ConnectSessionStatus> {
  const path = await session.path(`/v1/connect-sessions/${id}`);
  for (;;) {
    const state = await session.admin.get<ConnectSessionStatus>(path);
    if (ENDED.has(state.state)) return state;
    session.out.progress(`waiting (${state.state}) …`);
    await delay(POLL_MS);
  }
}
