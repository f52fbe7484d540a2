import type { AuditRecord, Connection, ErrorCode } from '@keyward/contracts';
import { JsonClient } from '@keyward/sdk';
import { walkConnectPages } from '../connect/connect-user.js';
import type { StackInfo } from '../stack-info.js';
import { castAgent, type StoryAgent } from './cast.js';
import { tellCustody } from './custody.js';
import type { Narrator } from './narrator.js';
import { call, eventually, quoted, type Scene } from './scene.js';

/** Of the story's agent; the foreign one has a trail of its own. */
const CALLS = 6;

/**
 * The whole story on a running stack, with an agent made for it, so that it can be told again.
 * @throws Surprise at the first thing that goes otherwise
 */
export async function tellStory(info: StackInfo, sandboxManagementToken: string, tell: Narrator): Promise<void> {
  const admin = new JsonClient(info.authUrl, info.admin.token);
  const sandbox = new JsonClient(info.sandbox.url, sandboxManagementToken);
  const slug = `demo-${Date.now().toString(36)}`;

  tell.step('An admin registers an agent and gives it the sandbox’s tools that read and write');
  const agent = await castAgent(info, admin, slug, 'Demo agent');
  tell.say(`agent ${agent.id}, key ${agent.key.slice(0, 12)}… (shown once, stored as a hash)`);
  const scene: Scene = { info, sandbox, admin, agent, tell };

  const link = await callWithoutConnection(scene);
  const connection = await connect(scene, link);
  const note = await callOverHttp(scene);
  await callOverNats(scene, note);
  await outliveTheToken(scene);
  await keepOthersOut(scene, await castAgent(info, admin, `${slug}-foreign`, 'Foreign agent'), connection);
  await disconnect(scene, connection);
  await tellCustody(scene, slug);
  await readTheTrail(scene);
}

async function callWithoutConnection({ info, agent, tell }: Scene): Promise<string> {
  tell.step('The agent calls a tool for ada, who has connected nothing yet');
  const refused = await call(agent, info.user, 'sandbox_list_notes', {});
  tell.check('the call is answered', refused.code, 'connection_required' satisfies ErrorCode);
  if (refused.connectUrl === undefined) throw new Error('the refusal carries no Connect link');
  tell.say(`the answer carries a link for ada: ${refused.connectUrl.slice(0, 60)}…`);
  return refused.connectUrl;
}

async function connect({ info, agent, tell }: Scene, link: string): Promise<Connection> {
  tell.step('Ada opens the link and connects her account, as in a browser');
  await walkConnectPages(link, info.sandbox, (title, action) =>
    tell.say(`page “${title}”${action === '' ? '' : ` → ${action}`}`),
  );
  const { connections } = await agent.http.get<{ connections: Connection[] }>(`/v1/connections?user=${info.user}`);
  const [connection] = connections;
  if (connection === undefined) throw new Error('the agent sees no connection');
  tell.check('the connection is', connection.status, 'active');
  tell.say(`${connection.id}, scopes ${connection.scopes.join(' ')}; the agent sees this much, and never a token`);
  return connection;
}

async function callOverHttp({ info, agent, tell }: Scene): Promise<string> {
  tell.step('The agent calls over HTTP');
  const created = await call(agent, info.user, 'sandbox_create_note', { title: 'Hello', body: 'from an agent' });
  tell.check('sandbox_create_note', created.state, 'succeeded');
  tell.say(`${quoted(created.output)} in ${created.durationMs.toFixed(1)} ms`);
  const denied = await call(agent, info.user, 'sandbox_delete_note', { id: 'x' });
  tell.check('sandbox_delete_note, which its assignment does not include', denied.code, 'tool_not_assigned' satisfies ErrorCode);
  return (created.output as { id: string }).id;
}

async function callOverNats({ info, agent, tell }: Scene, note: string): Promise<void> {
  tell.step('The same agent calls over NATS, with its own short-lived credentials and the SDK');
  const sdk = await agent.nats();
  try {
    const read = await sdk.execute('sandbox_get_note', { arguments: { id: note }, user: info.user });
    tell.check('sandbox_get_note', read.state, 'succeeded');
    tell.say(`${quoted(read.output)} in ${read.durationMs.toFixed(1)} ms, trace ${read.traceId}`);
  } finally {
    await sdk.close();
  }
}

async function outliveTheToken({ info, sandbox, agent, tell }: Scene): Promise<void> {
  tell.step('The access token expires early, and nobody notices');
  const refreshes = async (): Promise<number> =>
    (await sandbox.get<{ counters: { refreshes: number } }>('/sandbox/tokens')).counters.refreshes;
  const before = await refreshes();
  await sandbox.post('/sandbox/tokens/expire', { user: info.sandbox.user });
  tell.say('the provider has ended every access token of ada');
  const after = await call(agent, info.user, 'sandbox_list_notes', { limit: 1 });
  tell.check('the next call', after.state, 'succeeded');
  tell.say(`it took ${after.attempts} attempts and ${after.durationMs.toFixed(1)} ms: 401, one refresh, again`);
  tell.check('refresh tokens redeemed for it', (await refreshes()) - before, 1);
}

async function keepOthersOut({ info, tell }: Scene, foreign: StoryAgent, { id }: Connection): Promise<void> {
  tell.step('Another agent of the same organization tries ada’s connection');
  const guessed = await call(foreign, info.user, 'sandbox_list_notes', {});
  tell.check('without naming it', guessed.code, 'connection_required' satisfies ErrorCode);
  const named = await call(foreign, info.user, 'sandbox_list_notes', {}, id);
  tell.check('naming it', named.code, 'connection_required' satisfies ErrorCode);
  tell.say('a connection belongs to one agent; to any other it is as absent as one that never was');
}

async function disconnect({ info, admin, agent, tell }: Scene, { id }: Connection): Promise<void> {
  tell.step('Ada’s account is disconnected');
  await admin.delete(`/v1/connections/${id}?organization=${info.org}`);
  tell.say('the local copy is gone at once; the provider is told to revoke the grant until it confirms');
  const refused = await call(agent, info.user, 'sandbox_list_notes', {});
  tell.check('the next call', refused.code, 'connection_required' satisfies ErrorCode);
  const list = `/v1/connections?organization=${info.org}&agent=${agent.id}`;
  const confirmed = async (): Promise<boolean> => {
    const { connections } = await admin.get<{ connections: Connection[] }>(list);
    return connections.some((one) => one.id === id && one.revocation?.state === 'confirmed');
  };
  tell.check('the provider has confirmed the revocation', await eventually(confirmed), true);
}

async function readTheTrail({ info, agent, tell }: Scene): Promise<void> {
  tell.step('The audit trail has all of it');
  const auditor = new JsonClient(info.auditUrl, info.admin.token);
  let records: AuditRecord[] = [];
  const executions = (): AuditRecord[] => records.filter(({ event }) => event.type === 'execution.completed');
  await eventually(async () => {
    ({ events: records } = await auditor.get<{ events: AuditRecord[] }>(`/v1/events?organization=${info.org}&agent=${agent.id}`));
    return executions().length >= CALLS;
  });
  for (const { seq, event } of records.toSorted((one, other) => one.seq - other.seq)) {
    const what = [event.tool, event.state, event.errorCode, event.tool === undefined ? event.reason?.slice(0, 60) : undefined];
    const text = what.filter((part) => part !== undefined).join('  ');
    tell.say(`${String(seq).padStart(4)}  ${event.at.slice(11, 23)}  ${event.type.padEnd(32)} ${text}`);
  }
  tell.check('calls of this agent on record, the refused ones included', executions().length, CALLS);
}
