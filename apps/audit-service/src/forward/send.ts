import { createHash } from 'node:crypto';
import { asKeywardError, KeywardError, type AuditRecord } from '@keyward/contracts';
import { Agent } from 'undici';
import type { Destination } from './destination.js';
import type { Encoding } from './message.js';
import { post, type PostAnswer } from './post.js';
import { certificatesOf, signerOf } from './read-destinations.js';
import { readSecretFile } from './secret-file.js';

/** How a request ended. `reason` is a sentence for the log. */
export type Sent =
  /** `rejected`: so many of them the receiver says it does not keep. */
  | { kind: 'delivered'; rejected: number; reason: string }
  /** A status of 4xx. `ofContent`: it may be one of the records, and not the destination as a whole. */
  | { kind: 'refused'; ofContent: boolean; reason: string; retryAfterMs: number }
  /** There was no answer, or one of a server in trouble. */
  | { kind: 'failed'; reason: string; retryAfterMs: number };

/** Bad Request, Content Too Large, Unprocessable Content. */
const OF_CONTENT: readonly number[] = [400, 413, 422];
/** Request Timeout, Too Early, Too Many Requests: they speak of the moment. */
const OF_THE_MOMENT: readonly number[] = [408, 425, 429];

/** One destination: writes records in its format, proves who sends them, and tells how that ended. */
export class Sender {
  readonly #agent: Agent;

  constructor(
    private readonly destination: Destination,
    private readonly encoding: Encoding,
  ) {
    const { caFile } = destination;
    const ca = caFile === undefined ? {} : { ca: certificatesOf(caFile) };
    // Said explicitly, so that no variable of the environment can switch it off.
    this.#agent = new Agent({ connections: 1, pipelining: 1, connect: { rejectUnauthorized: true, ...ca } });
  }

  /** @param records not empty. Never rejects. */
  async send(records: readonly AuditRecord[], signal: AbortSignal): Promise<Sent> {
    const { url, timeoutSeconds } = this.destination;
    try {
      const { contentType, body } = this.encoding.encode(records);
      const headers = this.#headers(contentType, body, messageId(this.destination.name, records));
      const answer = await post(this.#agent, { url, headers, body, timeoutMs: timeoutSeconds * 1000, signal });
      return this.#understand(answer);
    } catch (thrown) {
      return { kind: 'failed', reason: asKeywardError(thrown).message, retryAfterMs: 0 };
    }
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  #understand({ status, contentType, body, retryAfterMs }: PostAnswer): Sent {
    if (status >= 200 && status < 300) {
      const { count, reason } = this.encoding.rejected(body, contentType);
      return { kind: 'delivered', rejected: count, reason };
    }
    const reason = `It was answered ${status}.`;
    if (status < 400 || status >= 500 || OF_THE_MOMENT.includes(status)) return { kind: 'failed', reason, retryAfterMs };
    return { kind: 'refused', ofContent: OF_CONTENT.includes(status), reason, retryAfterMs };
  }

  #headers(contentType: string, body: Uint8Array, id: string): Record<string, string> {
    const headers: Record<string, string> = { 'user-agent': 'Keyward-Audit/1', 'content-type': contentType };
    for (const [name, source] of Object.entries(this.destination.headers)) {
      headers[name.toLowerCase()] =
        typeof source === 'string' ? source : `${source.prefix ?? ''}${fromFile(() => readSecretFile(source.file))}`;
    }
    const secretFile = this.destination.kind === 'webhook' ? this.destination.secretFile : undefined;
    if (secretFile === undefined) return headers;
    const signer = fromFile(() => signerOf(secretFile));
    const sentAt = new Date();
    headers['webhook-id'] = id;
    headers['webhook-timestamp'] = String(Math.floor(sentAt.getTime() / 1000));
    headers['webhook-signature'] = signer.sign(id, sentAt, Buffer.from(body));
    return headers;
  }
}

/** It could be read at start. @throws KeywardError */
function fromFile<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw new KeywardError('internal', 'A file that a secret of the destination is in can not be used.', { cause: thrown });
  }
}

/** The same for the same records, so that a receiver knows a message that comes again. */
function messageId(destination: string, records: readonly AuditRecord[]): string {
  const named = records.map(({ event, hash }) => `${event.id} ${hash}`).join('\n');
  return `msg_${createHash('sha256').update(`${destination}\n${named}`).digest('hex').slice(0, 32)}`;
}
