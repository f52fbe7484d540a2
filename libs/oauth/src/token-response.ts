import { valueAt } from '@keyward/contracts';
import type { ProviderManifest, TokenResponseShape } from '@keyward/connectors';
import { malformed } from './classify.js';
import type { JsonObject } from './read-answer.js';
import { lifetimeSeconds } from './response/lifetime.js';
import { siblingOf } from './response/pointer.js';
import type { TokenSet } from './token-set.js';

/** The members of RFC 6749 section 5.1 that are used, each either valid or left out. */
export interface TidyTokenResponse {
  access_token: string;
  token_type: string;
  expires_in?: number;
  refresh_token?: string;
  /** Not of the RFC: many servers say it in some way. Seconds. */
  refresh_token_expires_in?: number;
  scope?: string;
}

const MAX_TOKEN_LENGTH = 65_536;

/**
 * Deviations of real servers are set right, or dropped where the member is optional. An id_token is not used and so not kept.
 * @param document the whole answer
 * @param now by the server's clock: what it states as a moment is taken as a length of time from there
 */
export function tidyTokenResponse(
  provider: ProviderManifest,
  shape: TokenResponseShape,
  document: JsonObject,
  now: Date,
): TidyTokenResponse {
  const body = valueAt(document, shape.root);
  const accessToken = valueAt(body, shape.access_token);
  if (!isToken(accessToken)) throw malformed(provider, 'no usable access token', 200);
  const lifetimeAt = ({ at, format }: TokenResponseShape['expires']) => lifetimeSeconds(valueAt(body, at), format, now);
  const expiresIn = lifetimeAt(shape.expires) ?? shape.lifetime_seconds;
  const refreshExpiresIn = shape.refresh_expires === undefined ? undefined : lifetimeAt(shape.refresh_expires);
  const refreshToken = refreshTokenIn(shape, document);
  const scopes = scopeList(valueAt(body, shape.scope), provider.auth.scopes.separator);
  return {
    access_token: accessToken,
    token_type: tokenType(shape, valueAt(body, siblingOf(shape.access_token, 'token_type'))),
    ...(expiresIn === undefined ? {} : { expires_in: expiresIn }),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(refreshExpiresIn === undefined ? {} : { refresh_token_expires_in: refreshExpiresIn }),
    ...(scopes === undefined ? {} : { scope: scopes.join(' ') }),
  };
}

/** Also of an answer that is of no use otherwise: it may be the only one with which the grant goes on. */
export function refreshTokenIn(shape: TokenResponseShape, document: JsonObject): string | undefined {
  const refreshToken = valueAt(valueAt(document, shape.root), shape.refresh_token);
  return isToken(refreshToken) ? refreshToken : undefined;
}

export function toTokenSet(body: TidyTokenResponse): Omit<TokenSet, 'captured'> {
  const { expires_in: lifetime, refresh_token_expires_in: refreshLifetime } = body;
  return {
    accessToken: body.access_token,
    ...(body.refresh_token === undefined ? {} : { refreshToken: body.refresh_token }),
    lifetimeMs: lifetime === undefined ? null : lifetime * 1000,
    ...(refreshLifetime === undefined ? {} : { refreshLifetimeMs: refreshLifetime * 1000 }),
    scopes: body.scope === undefined ? null : body.scope.split(' ').filter((scope) => scope !== ''),
  };
}

/** Required by RFC 6749 and left out by several servers; what they mean is bearer, and some have names of their own for it. */
function tokenType({ bearer_types: bearerTypes }: TokenResponseShape, stated: unknown): string {
  if (typeof stated !== 'string' || stated === '') return 'bearer';
  return bearerTypes.some((type) => type.toLowerCase() === stated.toLowerCase()) ? 'bearer' : stated;
}

/** Characters that can't be in an `Authorization` header or would end it are no part of any token (RFC 6750 section 2.1). */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TOKEN_LENGTH && /^[\x20-\x7e]+$/.test(value);
}

/** RFC 6749 section 3.3, and commas and the like, which some servers have in theirs. */
const SCOPE = /^[\x21-\x7e]{1,256}$/;

/**
 * As granted, each once, in the server's order; an empty string means that nothing was. What can be no scope is left out: less is
 * assumed to be granted, not more. Undefined where the server does not say.
 */
function scopeList(value: unknown, separator: string): string[] | undefined {
  const parts = Array.isArray(value) ? (value as unknown[]) : [permissionsIn(value) ?? value].flat();
  if (!parts.every((part) => typeof part === 'string')) return undefined;
  const scopes = parts.flatMap((part) => part.split(separator)).flatMap((part) => part.split(/\s+/));
  return [...new Set(scopes)].filter((scope) => SCOPE.test(scope));
}

/** Permissions with their level, `{"contents": "read"}`, as installations of an app have them: `contents:read`. */
function permissionsIn(value: unknown): string[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const levels = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return levels.length === 0 ? undefined : levels.map(([name, level]) => `${name}:${level}`);
}
