import { createHash, createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import type { Assertion } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';

export interface SigningKey {
  key: KeyObject;
  /** `SHA256:` and the base64 of the SHA-256 of the public key's SubjectPublicKeyInfo, DER; undefined for a shared secret. */
  fingerprint: string | undefined;
}

/** HMAC keys shorter than this can be searched (RFC 7518 section 3.2 wants 256 bits; providers hand out down to 128). */
const MIN_SECRET_BYTES = 16;

/** @throws KeywardError `invalid_request` for a text that is no such key; it is not quoted */
export function readSigningKey({ algorithm, key: format }: Pick<Assertion, 'algorithm' | 'key'>, text: string): SigningKey {
  if (format === 'pem') return readPrivateKey(algorithm, text);
  if (algorithm !== 'HS256') throw unusable(`${algorithm} signs with a private key, not with a shared secret`);
  if (format === 'hex_secret' && !/^([0-9a-fA-F]{2})+$/.test(text)) throw unusable('it is not hexadecimal');
  const secret = Buffer.from(text, format === 'hex_secret' ? 'hex' : 'utf8');
  if (secret.length < MIN_SECRET_BYTES) throw unusable(`it has fewer than ${MIN_SECRET_BYTES} bytes`);
  return { key: createSecretKey(secret), fingerprint: undefined };
}

function readPrivateKey(algorithm: Assertion['algorithm'], text: string): SigningKey {
  // Keys are often carried in JSON or in one line of an environment file, where a line break is written as two characters.
  const pem = text.replaceAll('\\n', '\n').trim();
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // OpenSSL's error is not kept: some of its texts quote input.
    throw unusable('it is not a private key in PEM, or it is encrypted');
  }
  if (!suits(algorithm, key)) throw unusable(`it is not a key for ${algorithm}`);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return { key, fingerprint: `SHA256:${createHash('sha256').update(spki).digest('base64')}` };
}

/** RFC 7518 sections 3.3 to 3.5 (RSA of 2048 bits or more, P-256), RFC 8037 section 3.1. */
function suits(
  algorithm: Assertion['algorithm'],
  { asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject,
): boolean {
  if (algorithm === 'RS256' || algorithm === 'PS256') return type === 'rsa' && (details?.modulusLength ?? 0) >= 2048;
  if (algorithm === 'ES256') return type === 'ec' && details?.namedCurve === 'prime256v1';
  return algorithm === 'EdDSA' && type === 'ed25519';
}

function unusable(why: string): KeywardError {
  return new KeywardError('invalid_request', `The signing key can not be used: ${why}.`);
}
