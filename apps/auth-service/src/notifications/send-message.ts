import type { ErrorCode } from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import { EgressError, type Egress, type EgressFetchInit } from '@keyward/egress';
import { Webhook } from 'standardwebhooks';
import { endpointSecretContext } from './endpoint-secret.js';
import { wrongWithUrl } from './endpoint-url.js';

const TIMEOUT_MS = 15_000;
/** Nobody reads the answer; what is longer is no receiver's. */
const MAX_ANSWER_BYTES = 65_536;
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

export interface MessageTarget {
  org: string;
  endpoint: string;
  url: string;
  secretGeneration: number;
  sealedSecret: Buffer;
  /** While messages are signed with the one before, too. */
  previousSealedSecret: Buffer | null;
}

export interface Message {
  /** The same at every attempt. */
  id: string;
  /** Of this attempt, by the database's clock: receivers refuse what is minutes off. */
  sentAt: Date;
  body: string;
}

export interface Attempt {
  /** Null: there was no answer that could be read. */
  status: number | null;
  /** Why there was none. */
  error: ErrorCode | null;
  retryAfterMs: number | undefined;
  durationMs: number;
}

export interface SendMessageOptions {
  egress: Pick<Egress, 'fetchFor'>;
  credentials: Credentials;
  privateOrigins: readonly string[];
  /** Of an attempt, answer included; 15 s where left out. */
  timeoutMs?: number;
}

export function delivered({ status }: Pick<Attempt, 'status'>): boolean {
  return status !== null && status >= 200 && status < 300;
}

/** One attempt, signed as Standard Webhooks has it. No redirect is followed: a message goes where the organization said, or nowhere. */
export class SendMessage {
  constructor(private readonly options: SendMessageOptions) {}

  /** @param signal cuts it short: `deadline_exceeded`. @throws KeywardError where it is our fault: `revoked` (the organization's keys are destroyed), `dependency_unavailable` (KMS) */
  async send(target: MessageTarget, { id, sentAt, body }: Message, signal?: AbortSignal): Promise<Attempt> {
    const signatures = await this.#sign(target, (secret) => new Webhook(secret).sign(id, sentAt, body));
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Keyward-Webhooks/1',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      'webhook-signature': signatures.join(' '),
    };
    return this.#post(target.url, { method: 'POST', headers, body, signal });
  }

  async #sign(target: MessageTarget, sign: (secret: string) => string): Promise<string[]> {
    const { org, endpoint, secretGeneration, sealedSecret, previousSealedSecret } = target;
    const open = (generation: number, sealed: Buffer) =>
      this.options.credentials.openSecret(endpointSecretContext(org, endpoint, generation), sealed, async (secret) =>
        sign(secret),
      );
    const current = await open(secretGeneration, sealedSecret);
    return previousSealedSecret === null ? [current] : [current, await open(secretGeneration - 1, previousSealedSecret)];
  }

  async #post(url: string, request: EgressFetchInit): Promise<Attempt> {
    const { egress, privateOrigins, timeoutMs = TIMEOUT_MS } = this.options;
    const began = performance.now();
    const ended = (end: Omit<Attempt, 'durationMs'>): Attempt => ({ ...end, durationMs: performance.now() - began });
    const failed = (error: ErrorCode) => ended({ status: null, error, retryAfterMs: undefined });
    // What the deployment lets through may have changed since the endpoint was added.
    if (wrongWithUrl(url, privateOrigins) !== undefined) return failed('egress_denied');
    const origins = [new URL(url).origin];
    const fetch = egress.fetchFor({ provider: 'webhook', origins, timeoutMs, maxBytes: MAX_ANSWER_BYTES });
    try {
      const { status, headers: answered } = await fetch(url, request);
      return ended({ status, error: null, retryAfterMs: retryAfterMs(answered) });
    } catch (thrown) {
      if (thrown instanceof EgressError) return failed(thrown.code);
      throw thrown;
    }
  }
}

/** RFC 9110 section 10.2.3: seconds, or a moment by the receiver's own clock. */
function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? '';
  const now = headers.get('date') ?? new Date().toUTCString();
  const isDate = /[A-Za-z]/.test(value);
  const ms = isDate ? Date.parse(value) - Date.parse(now) : /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
