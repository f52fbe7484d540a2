import { errors, type Provider } from 'oidc-provider';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

interface Parameters {
  subject_token?: string;
  subject_token_type?: string;
  requested_token_type?: string;
  audience?: string;
}

/**
 * RFC 8693, as far as a sandbox needs it: an access token of this server, of whichever client, becomes one of the client that asks,
 * with no more scopes than it had. The new one is a grant of its own, so each can be ended alone.
 */
export function registerTokenExchange(provider: Provider): void {
  provider.registerGrantType<Parameters>(
    TOKEN_EXCHANGE,
    async (ctx) => {
      const { client, params } = ctx.oidc;
      if (params.subject_token === undefined || params.subject_token_type === undefined) {
        throw new errors.InvalidRequest('subject_token and subject_token_type are needed');
      }
      const requested = params.requested_token_type ?? ACCESS_TOKEN_TYPE;
      if (params.subject_token_type !== ACCESS_TOKEN_TYPE || requested !== ACCESS_TOKEN_TYPE) {
        throw new errors.InvalidRequest('only access tokens are exchanged here');
      }
      // RFC 8693 section 2.2.2
      if (params.audience !== undefined && params.audience !== provider.issuer)
        throw new errors.InvalidTarget('unknown audience');
      const subject = await provider.AccessToken.find(params.subject_token);
      if (subject === undefined) throw new errors.InvalidRequest('the subject token is not valid');
      const had = [...subject.scopes];
      const asked = params.scope?.split(' ').filter((scope) => scope !== '') ?? had;
      if (!asked.every((scope) => had.includes(scope)))
        throw new errors.InvalidScope('more than the subject token has', asked.join(' '));

      const scope = asked.join(' ');
      const grant = new provider.Grant({ accountId: subject.accountId, clientId: client.clientId });
      grant.addOIDCScope(scope);
      const grantId = await grant.save();
      const token = new provider.AccessToken({ client, accountId: subject.accountId, grantId, gty: 'token_exchange', scope });
      ctx.oidc.entity('AccessToken', token);
      ctx.body = {
        access_token: await token.save(),
        issued_token_type: ACCESS_TOKEN_TYPE,
        token_type: 'Bearer',
        expires_in: token.expiration,
        scope,
      };
    },
    ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'scope'],
  );
}
