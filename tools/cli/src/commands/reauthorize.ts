import type { Connection, ConnectionAuthorization, ConnectorDetail } from '@keyward/contracts';
import { Hint } from '../output/fail.js';
import type { Session } from '../session/session.js';
import { under } from './command.js';
import { follow } from './connect.js';

export const reauthorize = under({
  command: 'reauthorize <id>',
  describe: 'Make a link on which the person authorizes it again, and wait until they have; it stays the connection it is',
  builder: (args) =>
    args
      .positional('id', { type: 'string', demandOption: true, describe: 'Its id' })
      .option('wait', { type: 'boolean', default: true, describe: 'Wait for the outcome; --no-wait only prints the link' }),
  handler: async (session, { id, wait }) => {
    const path = `/v1/connections/${encodeURIComponent(id)}`;
    const connection = await session.admin.get<Connection>(await session.path(path));
    const { status, provider } = connection;
    if (status === 'revoked') throw new Hint('It was revoked, which is for good.', `A new one: keyward connect ${provider}`);
    await follow(session, { ...(await sameAgain(session, connection)), organization: await session.org() }, wait);
  },
});

/** The one kind of grant that no person makes in a browser. */
const EXCHANGED = 'oauth2_token_exchange';

/** What leads to the same connection, with what was asked for and not with what was granted: that names other things at some providers. */
async function sameAgain(
  session: Session,
  { id, kind, user, agent, agents, provider, alias, ...now }: Connection,
): Promise<object> {
  const detail = await session.admin.get<ConnectorDetail>(await session.path(`/v1/connectors/${encodeURIComponent(provider)}`));
  if (detail.kind === EXCHANGED) {
    const owner = kind === 'workspace' ? `--workspace --agent ${agents?.join(',')}` : `--user ${user} --agent ${agent}`;
    const next = `Hand in a new one: keyward connect ${provider} --direct ${owner} --alias ${alias}`;
    throw new Hint('It is authorized with a token that is exchanged, and on no page.', next);
  }
  const stated = new Set(detail.connectionParameters.map(({ name }) => name));
  const parameters = Object.fromEntries(Object.entries(now.parameters).filter(([name]) => stated.has(name)));
  const path = await session.path(`/v1/connections/${encodeURIComponent(id)}/history`);
  const { authorizations } = await session.admin.get<{ authorizations: ConnectionAuthorization[] }>(path);
  const scopes = authorizations[0]?.requestedScopes ?? now.scopes;
  const whose = kind === 'workspace' ? { kind, agents: agents ?? [] } : { user, agent };
  return { ...whose, provider, alias, scopes, parameters };
}
