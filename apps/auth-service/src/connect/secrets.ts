import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 bits as base64url: what links, browsers and states are told apart by. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const STATE = /^([A-Za-z0-9_-]{43})\.([0-9a-z]{1,11})\.([A-Za-z0-9_-]{43})$/;

export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

export function isSecret(value: unknown): value is string {
  return typeof value === 'string' && SECRET.test(value);
}

/** What is stored of a secret: with 256 random bits a plain hash can't be turned round. */
export function sha256(secret: string): Buffer {
  return createHash('sha256').update(secret, 'ascii').digest();
}

export type StateVerdict = 'valid' | 'expired' | 'invalid';

/** Signs what leaves with a browser and comes back: the state of an authorization request, and the token of our own form. */
export class ConnectSigner {
  constructor(private readonly key: string) {}

  /**
   * `random.expiry.signature`: 256 random bits, seconds since 1970 in base 36, HMAC-SHA256. The signature covers the callback context
   * too, so that a state made for one redirect URI is no state at another (RFC 9700 section 4.4).
   */
  createState(context: string, expiresAt: Date): string {
    const body = `${randomSecret()}.${Math.floor(expiresAt.getTime() / 1000).toString(36)}`;
    return `${body}.${this.#sign('state', context, body)}`;
  }

  verifyState(state: string, context: string, now: Date): StateVerdict {
    const [, random, expiry = '', signature = ''] = STATE.exec(state) ?? [];
    if (random === undefined) return 'invalid';
    if (!same(signature, this.#sign('state', context, `${random}.${expiry}`))) return 'invalid';
    return Number.parseInt(expiry, 36) * 1000 > now.getTime() ? 'valid' : 'expired';
  }

  /** For our own form: valid in one browser and for one session. */
  formToken(session: string, browser: string): string {
    return this.#sign('form', session, browser);
  }

  verifyFormToken(token: string, session: string, browser: string): boolean {
    return same(token, this.formToken(session, browser));
  }

  /** A NUL can be in none of the parts, so no two lists of them read alike. */
  #sign(...parts: string[]): string {
    return createHmac('sha256', this.key).update(parts.join('\0')).digest('base64url');
  }
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
