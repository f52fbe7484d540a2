import { CUSTODY_TOKEN_TYPE, KeywardError, type custodyRequestSchemas, type releasedTokenSchema } from '@keyward/contracts';
import { calculateJwkThumbprint, CompactEncrypt, importJWK, type CryptoKey } from 'jose';
import type { z } from 'zod';

export type RecipientJwk = z.infer<typeof custodyRequestSchemas.get_access_token>['recipientKey'];

/** The caller's public key, known to be one. */
export interface Recipient {
  key: CryptoKey;
  kid: string;
  /** RFC 7638. */
  thumbprint: string;
}

/** @throws KeywardError `invalid_request` where it is no point of its curve (RFC 7518 section 6.2.1) */
export async function importRecipient(jwk: RecipientJwk): Promise<Recipient> {
  const { kid, ...publicJwk } = jwk;
  try {
    const key = await importJWK(publicJwk, 'ECDH-ES');
    if (key instanceof Uint8Array) throw new TypeError('not an asymmetric key');
    // An X25519 point of low order is found only by using it: the shared secret would be zero (RFC 7748 section 6.1).
    await encrypt(new Uint8Array(), key, 'trial');
    const thumbprint = await calculateJwkThumbprint(publicJwk);
    return { key, kid: kid ?? thumbprint, thumbprint };
  } catch (cause) {
    throw badKey(cause);
  }
}

/** Compact JWE. What reads it on the way sees the recipient's key id, and not even how the token looks. */
export function sealToken({ key, kid }: Recipient, token: z.infer<typeof releasedTokenSchema>): Promise<string> {
  return encrypt(new TextEncoder().encode(JSON.stringify(token)), key, kid);
}

function encrypt(plaintext: Uint8Array, key: CryptoKey, kid: string): Promise<string> {
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ: CUSTODY_TOKEN_TYPE, kid })
    .encrypt(key);
}

function badKey(cause: unknown): KeywardError {
  const detail = 'it is not a public key of its curve';
  return new KeywardError('invalid_request', `The recipient key is not valid (/recipientKey: ${detail}).`, {
    details: { errors: [{ pointer: '/recipientKey', detail }] },
    cause,
  });
}
