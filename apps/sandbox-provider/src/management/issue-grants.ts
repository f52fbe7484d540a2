import type { Provider } from 'oidc-provider';
import type { Accounts } from '../oauth/accounts.js';

export interface IssuedTokens {
  grant: string;
  access_token: string;
  refresh_token: string;
  expires_in: number;
  scope: string;
}

/**
 * Makes grants as if a person had consented so many times, for load tests that need thousands of connections.
 * @returns undefined when the client or the user is unknown.
 */
export async function issueGrants(
  provider: Provider,
  accounts: Accounts,
  order: {
    client_id: string;
    user: string;
    scope: string;
    count: number;
    expires_in?: number | undefined;
    resource?: string | undefined;
  },
): Promise<IssuedTokens[] | undefined> {
  const client = await provider.Client.find(order.client_id);
  if (client === undefined || !accounts.names.includes(order.user)) return undefined;

  const issued: IssuedTokens[] = [];
  for (let i = 0; i < order.count; i++) {
    const grant = new provider.Grant({ accountId: order.user, clientId: client.clientId });
    if (order.resource === undefined) grant.addOIDCScope(order.scope);
    else grant.addResourceScope(order.resource, order.scope);
    const grantId = await grant.save();
    const token = { client, accountId: order.user, grantId, gty: 'authorization_code', scope: order.scope };
    const accessToken = new provider.AccessToken({
      ...token,
      ...(order.resource !== undefined && { aud: order.resource }),
      ...(order.expires_in && { expiresIn: order.expires_in }),
    });
    const refreshToken = new provider.RefreshToken({
      ...token,
      ...(order.resource !== undefined && { resource: order.resource }),
    });
    issued.push({
      grant: grantId,
      access_token: await accessToken.save(),
      refresh_token: await refreshToken.save(),
      expires_in: accessToken.expiration,
      scope: order.scope,
    });
  }
  return issued;
}
