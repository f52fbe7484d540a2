import { malformed } from './classify.js';
import type { ProviderManifest } from '@keyward/connectors';
import type { JsonObject } from './read-answer.js';
import type { TokenSet } from './token-set.js';

/** The members of RFC 6749 section 5.1 that are used, each either valid or left out. */
export interface TidyTokenResponse {
  access_token: string;
  token_type: string;
  expires_in?: number;
  refresh_token?: string;
  scope?: string;
}

const MAX_TOKEN_LENGTH = 65_536;
/** Ten years: what is longer is not a lifetime but a way to say "for ever". */
const MAX_LIFETIME_SECONDS = 315_360_000;

/** Deviations of real servers are set right, or dropped where the member is optional. An id_token is not used and so not kept. */
export function tidyTokenResponse(provider: ProviderManifest, body: JsonObject): TidyTokenResponse {
  const accessToken = body['access_token'];
  if (!isToken(accessToken)) throw malformed(provider, 'no usable access token', 200);
  const tokenType = body['token_type'];
  const expiresIn = lifetimeSeconds(body['expires_in']);
  const refreshToken = body['refresh_token'];
  const scopes = scopeList(body['scope'], provider.auth.scopes.separator);
  return {
    access_token: accessToken,
    // Required by RFC 6749 and left out by several servers; what they mean is bearer.
    token_type: typeof tokenType === 'string' && tokenType !== '' ? tokenType : 'bearer',
    ...(expiresIn === undefined ? {} : { expires_in: expiresIn }),
    ...(isToken(refreshToken) ? { refresh_token: refreshToken } : {}),
    ...(scopes === undefined ? {} : { scope: scopes.join(' ') }),
  };
}

/** @param sentAt when the request was made: lifetimes count from there */
export function toTokenSet(body: TidyTokenResponse, sentAt: Date): TokenSet {
  const lifetime = body.expires_in;
  return {
    accessToken: body.access_token,
    ...(body.refresh_token === undefined ? {} : { refreshToken: body.refresh_token }),
    expiresAt: lifetime === undefined ? null : new Date(sentAt.getTime() + lifetime * 1000),
    scopes: body.scope === undefined ? null : body.scope.split(' ').filter((scope) => scope !== ''),
  };
}

/** Characters that can't be in an `Authorization` header or would end it are no part of any token (RFC 6750 section 2.1). */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TOKEN_LENGTH && /^[\x20-\x7e]+$/.test(value);
}

/** A positive number of seconds, also as a string; anything else counts as not stated. */
function lifetimeSeconds(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number' || !(seconds >= 1)) return undefined;
  return Math.min(Math.floor(seconds), MAX_LIFETIME_SECONDS);
}

/** As granted, each once, in the server's order; an empty string means that nothing was. Undefined where the server does not say. */
function scopeList(value: unknown, separator: string): string[] | undefined {
  const parts: unknown[] = Array.isArray(value) ? value : [value];
  if (!parts.every((part) => typeof part === 'string')) return undefined;
  return [...new Set(parts.flatMap((part) => part.split(separator)).flatMap((part) => part.split(/\s+/)))].filter(
    (scope) => scope !== '',
  );
}
