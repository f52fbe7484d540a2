import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Assertion } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { readSigningKey } from './signing-key.js';

export interface AssertionMaterial {
  /** In the form that `assertion.key` names. */
  key: string;
  /** Claims where the assertion declares none of that name, such as `iss`. */
  claims?: Readonly<Record<string, string>>;
  /** What `${…}` in header and claims stands for, besides `${key.fingerprint_sha256}`. */
  references?: Readonly<Record<string, string>>;
  now?: (() => Date) | undefined;
}

export interface SignedAssertion {
  jwt: string;
  /** Of what is left, from when it was asked for. */
  lifetimeMs: number;
}

/** Clocks differ: an assertion from the future is refused, one from a moment ago is not. */
const BACKDATE_SECONDS = 30;

/**
 * A JWT as the manifest declares it (RFC 7519, RFC 7523 section 3). `iat`, `exp` and `jti` are always ours.
 * @throws KeywardError `invalid_request` where the key is none or a reference has no value
 */
export async function signAssertion(assertion: Assertion, material: AssertionMaterial): Promise<SignedAssertion> {
  const { key, fingerprint } = readSigningKey(assertion, material.key);
  const references = { ...material.references, ...(fingerprint === undefined ? {} : { 'key.fingerprint_sha256': fingerprint }) };
  const fillAll = (texts: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, fill(text, references)]));
  const now = (material.now?.() ?? new Date()).getTime();
  const issuedAt = Math.floor(now / 1000) - Math.min(BACKDATE_SECONDS, Math.floor(assertion.lifetime_seconds / 10));
  const expiresAt = issuedAt + assertion.lifetime_seconds;
  const claims = { ...material.claims, ...fillAll(assertion.claims), jti: randomUUID() };
  const jwt = await new SignJWT(claims)
    .setProtectedHeader({ typ: 'JWT', ...fillAll(assertion.header), alg: assertion.algorithm })
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key);
  return { jwt, lifetimeMs: expiresAt * 1000 - now };
}

function fill(text: string, references: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = Object.hasOwn(references, name) ? references[name] : undefined;
    if (value === undefined)
      throw new KeywardError('invalid_request', `The assertion needs \${${name}}, which has no value here.`);
    return value;
  });
}
