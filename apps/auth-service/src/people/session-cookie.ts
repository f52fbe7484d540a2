import type { IncomingMessage } from 'node:http';
import cookie from '@fastify/cookie';
import { KeywardError } from '@keyward/contracts';
import type { FastifyReply } from 'fastify';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The secret of a browser that is signed in. With https its name has the `__Host-` prefix, so that no other host, a sibling subdomain
 * included, can set it (RFC 6265bis section 4.1.3.2); plain http exists on this machine only.
 */
export class SessionCookie {
  readonly #secure: boolean;
  readonly #name: string;

  constructor(private readonly publicUrl: string) {
    this.#secure = publicUrl.startsWith('https:');
    this.#name = this.#secure ? '__Host-keyward-session' : 'keyward-session';
  }

  read(request: IncomingMessage): string | undefined {
    const header = request.headers.cookie;
    return header === undefined ? undefined : cookie.fastifyCookie.parse(header)[this.#name];
  }

  /**
   * Browsers send cookies along with whatever other sites make them ask: what changes something must state that it is of our own
   * pages. `Sec-Fetch-Site` does, or the origin; and JSON is what no form of another site can send.
   * @throws KeywardError `forbidden`
   */
  requireSameOrigin(request: IncomingMessage): void {
    if (SAFE_METHODS.has(request.method ?? 'GET')) return;
    const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
    if (this.isSameOrigin(request) && (type === undefined || type === 'application/json')) return;
    throw new KeywardError(
      'forbidden',
      'A browser that is signed in may send this from the pages of this service only, as JSON.',
    );
  }

  /** What states neither is not taken for our own. */
  isSameOrigin({ headers }: IncomingMessage): boolean {
    const site = headers['sec-fetch-site'];
    if (headers.origin !== undefined && headers.origin !== this.publicUrl) return false;
    return site === undefined ? headers.origin !== undefined : site === 'same-origin';
  }

  /** `lax`: it must come along when the identity provider, or a link in a message, leads here; writes are checked besides. */
  write(reply: FastifyReply, token: string, expiresAt: Date): void {
    void reply.setCookie(this.#name, token, { ...this.#attributes(), expires: expiresAt });
  }

  clear(reply: FastifyReply): void {
    void reply.clearCookie(this.#name, this.#attributes());
  }

  #attributes() {
    return { path: '/', httpOnly: true, secure: this.#secure, sameSite: 'lax' as const };
  }
}
