import { createHash, createHmac, hkdfSync, randomUUID, timingSafeEqual } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';
import type { Person } from './session-store.js';

/** From the redirect to the request that the waiting command line makes at once. */
const LIFETIME_SECONDS = 60;
const AUDIENCE = 'keyward cli code';

const grantSchema = z.object({
  person: z.object({
    issuer: z.string(),
    subject: z.string(),
    email: z.string().nullable(),
    preferredUsername: z.string().nullable(),
  }),
  challenge: z.string(),
});

/** One-time codes that carry a sign-in from the browser to the command line that asked for it (RFC 8252 section 7.3, RFC 7636). */
export class CliCodes {
  readonly #key: Uint8Array;
  readonly #tokenKey: Uint8Array;

  constructor(stateSecret: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', stateSecret, '', 'keyward cli code v1', 32));
    this.#tokenKey = new Uint8Array(hkdfSync('sha256', stateSecret, '', 'keyward cli token v1', 32));
  }

  issue(person: Person, challenge: string): Promise<string> {
    return new EncryptJWT({ grant: { person, challenge } })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setJti(randomUUID())
      .setAudience(AUDIENCE)
      .setExpirationTime(`${LIFETIME_SECONDS}s`)
      .encrypt(this.#key);
  }

  /**
   * Whose code this is, for who holds the verifier, and the secret of the one session that can be made of it: it follows from the code,
   * so that a second redemption, on any replica, finds it taken.
   */
  async open(code: string, verifier: string): Promise<{ person: Person; secret: string } | undefined> {
    const options = {
      audience: AUDIENCE,
      requiredClaims: ['exp', 'jti'],
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    };
    const opened = await jwtDecrypt(code, this.#key, options).catch(() => undefined);
    const grant = grantSchema.safeParse(opened?.payload['grant']).data;
    const id = opened?.payload.jti;
    if (grant === undefined || id === undefined || !isVerifierOf(verifier, grant.challenge)) return undefined;
    return { person: grant.person, secret: createHmac('sha256', this.#tokenKey).update(id).digest('base64url') };
  }
}

function isVerifierOf(verifier: string, challenge: string): boolean {
  const computed = Buffer.from(createHash('sha256').update(verifier).digest('base64url'));
  const wanted = Buffer.from(challenge);
  return computed.length === wanted.length && timingSafeEqual(computed, wanted);
}
