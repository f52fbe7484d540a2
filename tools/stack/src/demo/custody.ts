import type { Connection, ConnectionAuthorization, ErrorCode, RevokedConnections } from '@keyward/contracts';
import { walkConnectPages } from '../connect/connect-user.js';
import { castAgent, type StoryAgent } from './cast.js';
import { call, eventually, type Scene } from './scene.js';

interface Link {
  url: string;
}

/** A scope gap that is closed, an account of the workspace, an API key, a discovered MCP server; and all of it revoked. */
export async function tellCustody(scene: Scene, slug: string): Promise<void> {
  const reader = await closeAScopeGap(scene, slug);
  const shared = await shareAnAccount(scene, slug);
  await connectByKey(scene, slug);
  await discoverAServer(scene, slug);
  await revoke(scene, shared, reader);
}

async function closeAScopeGap({ info, admin, tell }: Scene, slug: string): Promise<StoryAgent> {
  tell.step('A connection that may only read meets a tool that writes');
  const agent = await castAgent(info, admin, `${slug}-reader`, 'Reader');
  const asked = { user: info.user, provider: 'sandbox', scopes: ['openid', 'offline_access', 'notes:read'] };
  await walkConnectPages((await agent.http.post<Link>('/v1/connect-sessions', asked)).url, info.sandbox);
  const connection = await only(agent, info.user);
  tell.say(`granted and locked: ${connection.scopes.join(' ')}`);
  const refused = await call(agent, info.user, 'sandbox_create_note', { title: 'More' });
  tell.check('sandbox_create_note', refused.code, 'missing_scopes' satisfies ErrorCode);
  await walkConnectPages(refused.connectUrl ?? '', info.sandbox, (title) => tell.say(`page “${title}”`));
  tell.check('the same call', (await call(agent, info.user, 'sandbox_create_note', { title: 'More' })).state, 'succeeded');
  tell.check('the connection is the same one', (await only(agent, info.user)).id, connection.id);
  const path = `/v1/connections/${connection.id}/history?organization=${info.org}`;
  const { authorizations } = await admin.get<{ authorizations: ConnectionAuthorization[] }>(path);
  tell.check('authorizations in its history', authorizations.length, 2);
  return agent;
}

async function shareAnAccount({ info, admin, tell }: Scene, slug: string): Promise<Connection> {
  tell.step('An admin connects an account for the workspace, for one agent and no other');
  const chosen = await castAgent(info, admin, `${slug}-chosen`, 'Chosen agent');
  const other = await castAgent(info, admin, `${slug}-other`, 'Other agent');
  const { url } = await admin.post<Link>('/v1/connect-sessions', {
    organization: info.org,
    kind: 'workspace',
    agents: [chosen.id],
    provider: 'sandbox',
    alias: 'default',
  });
  await walkConnectPages(url, info.sandbox, (title) => tell.say(`page “${title}”`));
  tell.check('the chosen agent, for anybody', (await call(chosen, 'grace', 'sandbox_list_notes', {})).state, 'succeeded');
  const denied = await call(other, 'grace', 'sandbox_list_notes', {});
  tell.check('the other agent', denied.code, 'connection_required' satisfies ErrorCode);
  const { connections } = await admin.get<{ connections: Connection[] }>(
    `/v1/connections?organization=${info.org}&kind=workspace&status=active`,
  );
  const [shared] = connections;
  if (shared === undefined) throw new Error('the workspace has no connection');
  tell.say(`authorized by ${shared.authorizedBy?.kind} ${shared.authorizedBy?.id}`);
  return shared;
}

async function connectByKey({ info, sandbox, admin, tell }: Scene, slug: string): Promise<void> {
  tell.step('A provider without OAuth: ada enters an API key on our page, and it is tried before it is kept');
  const agent = await castAgent(info, admin, `${slug}-keyed`, 'Keyed agent', ['sandbox_key']);
  const { key } = await sandbox.post<{ key: string }>('/sandbox/api-keys', { user: info.sandbox.user });
  const session = await agent.http.post<Link>('/v1/connect-sessions', { user: info.user, provider: 'sandbox_key' });
  const page = (title: string): void => tell.say(`page “${title}”`);
  await walkConnectPages(session.url, { ...info.sandbox, secret: key }, page);
  tell.check('a call with the key', (await call(agent, info.user, 'sandbox_key_list_notes', {})).state, 'succeeded');
  const echoed = await call(agent, info.user, 'sandbox_key_echo', { message: 'hello' });
  tell.check('the key in what the provider echoes', JSON.stringify(echoed.output).includes(key), false);
}

async function discoverAServer({ info, admin, tell }: Scene, slug: string): Promise<void> {
  tell.step('An MCP server that nobody registered us at: found, registered and connected by itself');
  const agent = await castAgent(info, admin, `${slug}-mcp`, 'MCP agent', ['sandbox_mcp']);
  const known = await admin.get<{ providerApps: { provider: string; registration: string }[] }>(
    `/v1/provider-apps?organization=${info.org}`,
  );
  if (!known.providerApps.some(({ provider }) => provider === 'sandbox_mcp')) {
    const app = await admin.post<{ registration: string; clientId: string }>('/v1/provider-apps', {
      organization: info.org,
      provider: 'sandbox_mcp',
    });
    tell.say(`registered: ${app.registration}, client ${app.clientId.slice(0, 40)}…`);
  } else tell.say('it was registered when this story was told before');
  const session = await agent.http.post<Link>('/v1/connect-sessions', { user: info.user, provider: 'sandbox_mcp' });
  await walkConnectPages(session.url, info.sandbox, (title) => tell.say(`page “${title}”`));
  const made = await call(agent, info.user, 'sandbox_mcp_create_note', { title: 'Through MCP' });
  tell.check('the server’s tool create_note', made.state, 'succeeded');
}

async function revoke({ info, admin, tell }: Scene, shared: Connection, reader: StoryAgent): Promise<void> {
  tell.step('The admin revokes: the account of the workspace, and everything that one agent has');
  await admin.delete(`/v1/connections/${shared.id}?organization=${info.org}`);
  const { revoked } = await admin.post<RevokedConnections>('/v1/connections/revoke', {
    organization: info.org,
    agent: reader.id,
  });
  tell.check('connections of the agent that ended here at once', revoked, 1);
  const refused = await call(reader, info.user, 'sandbox_list_notes', {});
  tell.check('its next call', refused.code, 'connection_required' satisfies ErrorCode);
  const confirmed = async (): Promise<boolean> => {
    const { revocation } = await admin.get<Connection>(`/v1/connections/${shared.id}?organization=${info.org}`);
    return revocation?.state === 'confirmed';
  };
  tell.check('the provider’s receipt for the account of the workspace', await eventually(confirmed), true);
}

async function only(agent: StoryAgent, user: string): Promise<Connection> {
  const { connections } = await agent.http.get<{ connections: Connection[] }>(`/v1/connections?user=${user}`);
  const [connection] = connections;
  if (connection === undefined) throw new Error('the agent sees no connection');
  return connection;
}
