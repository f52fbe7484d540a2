import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccessTokenInfo, AccessTokens } from '../store/access-tokens.js';
import type { API_SCOPES } from '../oauth/scopes.js';

export type ApiScope = keyof typeof API_SCOPES;

const SCHEME = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/**
 * Checks the access token of a request (RFC 6750 sections 2.1 and 3) and answers it when it will not do.
 * @returns who calls, or undefined when the reply has been sent.
 */
export function authenticate(
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: AccessTokens,
  scope?: ApiScope,
): AccessTokenInfo | undefined {
  const header = request.headers.authorization;
  if (header === undefined) {
    refuse(reply, 401, undefined, 'This API needs an access token.');
    return undefined;
  }
  const value = SCHEME.exec(header)?.[1];
  const token = value === undefined ? undefined : tokens.find(value);
  if (token === undefined) {
    refuse(reply, 401, 'invalid_token', 'The access token is unknown, expired or revoked.');
    return undefined;
  }
  if (scope !== undefined && !token.scopes.has(scope)) {
    refuse(reply, 403, 'insufficient_scope', `This needs the scope ${scope}.`, scope);
    return undefined;
  }
  return token;
}

/** RFC 6750 section 3: a request without any token gets the bare challenge, without an error code. */
function refuse(reply: FastifyReply, status: number, error: string | undefined, message: string, scope?: string): void {
  const attributes = [
    'realm="sandbox"',
    ...(error === undefined ? [] : [`error="${error}"`, `error_description="${message}"`]),
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
  ];
  reply
    .code(status)
    .header('WWW-Authenticate', `Bearer ${attributes.join(', ')}`)
    .send({ error: error ?? 'unauthenticated', message });
}
