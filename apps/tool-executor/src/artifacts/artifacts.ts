import { createHash } from 'node:crypto';
import { KeywardError, newId, type ArtifactHandle, type ExecutionRequested } from '@keyward/contracts';
import { objectKey, type ObjectStore } from '@keyward/objects';
import type { Logger } from 'pino';
import type { ArtifactRows } from './artifact-rows.js';

const PURGE_EVERY_MS = 60_000;
const PURGED_AT_ONCE = 500;
/** Of one agent's, so that it does not take the room of the others. */
const MOST_BYTES = 1_073_741_824;
/** RFC 9110 section 8.3, bounded: it becomes a header of ours. */
const CONTENT_TYPE = /^[\x21-\x7e][\x20-\x7e]{0,199}$/;

export interface ArtifactsOptions {
  store: ObjectStore;
  rows: Pick<ArtifactRows, 'add' | 'expired' | 'forget'>;
  /** How long each is kept. */
  keepMs: number;
  /** That one agent may have kept at a time. */
  mostBytes?: number;
  logger: Pick<Logger, 'warn'>;
}

type Owner = Pick<ExecutionRequested, 'id' | 'org' | 'agent' | 'user'>;

/** Outputs that the bus does not carry. Whoever asked for the call, and nobody else, reads them through the gateway while they are kept. */
export class Artifacts {
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: ArtifactsOptions) {}

  /**
   * Resolves once the bytes are there for good.
   *
   * @throws KeywardError `dependency_unavailable`; `response_too_large` where as much of the agent's is kept as may be
   */
  async keep({ id: execution, org, agent, user }: Owner, body: Buffer, contentType: string): Promise<ArtifactHandle> {
    const { store, rows, keepMs, mostBytes = MOST_BYTES } = this.options;
    const id = newId('art');
    const type = CONTENT_TYPE.test(contentType) ? contentType : 'application/octet-stream';
    const sha256 = createHash('sha256').update(body).digest();
    const row = { id, org, agent, user, execution, contentType: type, bytes: body.length, sha256, keepMs, mostBytes };
    const expiresAt = await rows.add(row);
    if (expiresAt === undefined) throw tooMuch(mostBytes);
    await store.put(objectKey(org, id), body, type);
    return {
      artifact: { id, contentType: type, bytes: body.length, sha256: sha256.toString('hex'), expiresAt: expiresAt.toISOString() },
    };
  }

  /** Removes what has expired, bytes first; what fails is found again. @returns how many */
  async purge(): Promise<number> {
    const { store, rows } = this.options;
    let purged = 0;
    for (;;) {
      const expired = await rows.expired(PURGED_AT_ONCE);
      if (expired.length === 0) return purged;
      await store.remove(expired.map(({ org, id }) => objectKey(org, id)));
      await rows.forget(expired.map(({ id }) => id));
      purged += expired.length;
    }
  }

  /** Every minute. Replicas that do it at the same time find less to do. */
  purgeRegularly(): void {
    this.#timer = setInterval(() => {
      this.purge().catch((error: unknown) => this.options.logger.warn({ err: error }, 'expired results are removed later'));
    }, PURGE_EVERY_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function tooMuch(mostBytes: number): KeywardError {
  const sentence = `The call was carried out, but its output is not kept: ${mostBytes} bytes at most are kept for an agent at a time.`;
  return new KeywardError('response_too_large', sentence);
}
