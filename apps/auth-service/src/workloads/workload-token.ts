import { decodeJwt, decodeProtectedHeader } from 'jose';

/** Asymmetric only: with a shared secret, or none, whoever can verify could sign (RFC 8725 section 3.1). */
export const WORKLOAD_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const MAX_LENGTH = 16_384;
/** Year 10000, which no date of ours can hold. */
const LATEST_SECONDS = 253_402_300_800;

/** Three parts of base64url, as a JWS in compact form has; neither an agent key nor an admin token is like it. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

export function isCompactJwt(text: string): boolean {
  return text.length <= MAX_LENGTH && COMPACT.test(text);
}

/** What a token says of itself. Nothing of it is believed before its signature is verified; it only tells whose keys are asked for. */
export interface UnverifiedToken {
  issuer: string;
  audiences: readonly string[];
  claims: Readonly<Record<string, unknown>>;
}

/** Undefined for what can be no workload's token: no keys are fetched for it. */
export function readUnverified(token: string): UnverifiedToken | undefined {
  if (!isCompactJwt(token)) return undefined;
  try {
    const { alg } = decodeProtectedHeader(token);
    const claims = decodeJwt(token);
    const { iss, aud, sub, exp } = claims;
    if (alg === undefined || !WORKLOAD_ALGORITHMS.includes(alg)) return undefined;
    if (typeof iss !== 'string' || typeof sub !== 'string' || typeof exp !== 'number' || !(exp < LATEST_SECONDS))
      return undefined;
    const audiences = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud.filter((each) => typeof each === 'string') : [];
    return { issuer: iss, audiences, claims };
  } catch {
    return undefined;
  }
}

/** Every claim named must be there, as that text: a list that contains it is not it. */
export function matches(wanted: Readonly<Record<string, string>>, claims: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(wanted);
  return names.length > 0 && names.every((name) => Object.hasOwn(claims, name) && claims[name] === wanted[name]);
}
