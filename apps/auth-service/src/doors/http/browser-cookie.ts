import type { FastifyReply, FastifyRequest } from 'fastify';

const MAX_AGE_SECONDS = 7_200;

/**
 * Tells one browser from another, and nothing else. With https its name has the `__Host-` prefix, so that no other host, a sibling
 * subdomain included, can set it (RFC 6265bis section 4.1.3.2); plain http exists on this machine only.
 */
export class BrowserCookie {
  readonly #secure: boolean;
  readonly #name: string;

  constructor(publicUrl: string) {
    this.#secure = publicUrl.startsWith('https:');
    this.#name = this.#secure ? '__Host-keyward_connect' : 'keyward_connect';
  }

  read(request: FastifyRequest): string | undefined {
    return request.cookies[this.#name];
  }

  /** `lax`: it must come along when the provider sends the browser back, and at no other request from elsewhere. */
  write(reply: FastifyReply, value: string): void {
    void reply.setCookie(this.#name, value, {
      path: '/',
      httpOnly: true,
      secure: this.#secure,
      sameSite: 'lax',
      maxAge: MAX_AGE_SECONDS,
    });
  }
}
