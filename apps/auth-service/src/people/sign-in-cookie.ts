import { hkdfSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import cookie from '@fastify/cookie';
import type { FastifyReply } from 'fastify';
import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';

/** Long enough for a password, a second factor and a look for the telephone. */
const LIFETIME_SECONDS = 600;
const AUDIENCE = 'keyward sign-in';

const pendingSchema = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** Absolute, of our own origin. */
  returnTo: z.string().optional(),
  /** A command line waits on this port of the person's machine. */
  cli: z.object({ port: z.int(), challenge: z.string() }).optional(),
});

/** A sign-in under way, kept by the browser that began it, so that it can be finished in no other. */
export type PendingSignIn = z.infer<typeof pendingSchema>;

/** The cookie is encrypted and authenticated (RFC 7516, dir with A256GCM): the verifier and the nonce are secrets of ours. */
export class SignInCookie {
  readonly #secure: boolean;
  readonly #name: string;
  readonly #key: Uint8Array;

  constructor(publicUrl: string, stateSecret: string) {
    this.#secure = publicUrl.startsWith('https:');
    this.#name = this.#secure ? '__Host-keyward-sign-in' : 'keyward-sign-in';
    this.#key = new Uint8Array(hkdfSync('sha256', stateSecret, '', 'keyward sign-in cookie v1', 32));
  }

  async read(request: IncomingMessage): Promise<PendingSignIn | undefined> {
    const header = request.headers.cookie;
    const sealed = header === undefined ? undefined : cookie.fastifyCookie.parse(header)[this.#name];
    if (sealed === undefined) return undefined;
    const options = {
      audience: AUDIENCE,
      requiredClaims: ['exp'],
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    };
    // Too old, changed, or of another key: in every case there is no sign-in under way.
    const opened = await jwtDecrypt(sealed, this.#key, options).catch(() => undefined);
    return pendingSchema.safeParse(opened?.payload['pending']).data;
  }

  async write(reply: FastifyReply, pending: PendingSignIn): Promise<void> {
    const sealed = await new EncryptJWT({ pending })
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .setAudience(AUDIENCE)
      .setExpirationTime(`${LIFETIME_SECONDS}s`)
      .encrypt(this.#key);
    void reply.setCookie(this.#name, sealed, { ...this.#attributes(), maxAge: LIFETIME_SECONDS });
  }

  clear(reply: FastifyReply): void {
    void reply.clearCookie(this.#name, this.#attributes());
  }

  /** `lax`: it must come along when the identity provider sends the browser back. */
  #attributes() {
    return { path: '/', httpOnly: true, secure: this.#secure, sameSite: 'lax' as const };
  }
}
