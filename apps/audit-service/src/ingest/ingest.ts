import { setImmediate as nextTurn } from 'node:timers/promises';
import { asKeywardError, KeywardError } from '@keyward/contracts';
import type { BatchMessage } from '@keyward/jetstream';
import type { AuditMetrics } from '../metrics.js';
import type { EventStore } from './event-store.js';
import { verifyMessage, type VerifiedEvent } from './verify-message.js';

/** Messages verified at a stretch: well below a millisecond. */
const SLICE = 25;

interface Candidate extends VerifiedEvent {
  message: BatchMessage;
}

/** Two methods of the service's logger. */
export interface IngestLog {
  debug(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** From messages to rows: verify each, store all in one transaction. Returning acknowledges, throwing brings the batch back later. */
export class Ingest {
  constructor(
    private readonly store: EventStore,
    private readonly metrics: AuditMetrics,
    private readonly log: IngestLog,
  ) {}

  async handle(batch: readonly BatchMessage[]): Promise<void> {
    const candidates = await verifyAll(batch);
    if (candidates.length === 0) return;
    try {
      await this.append(candidates);
    } catch (thrown) {
      if (isForLater(thrown)) throw thrown;
      // Something in one of them that the checks don't know of: find out which, so that it does not hold up the others for ever.
      this.log.error(
        { err: thrown, messages: candidates.length },
        'a batch can not be stored as a whole; storing its events one by one',
      );
      for (const candidate of candidates) await this.appendAlone(candidate);
    }
  }

  private async append(candidates: Candidate[]): Promise<void> {
    const { stored, duplicates, conflicts } = await this.store.append(candidates);
    for (const { message } of conflicts) {
      message.reject(new KeywardError('idempotency_conflict', 'Another event with this id has been recorded.'));
    }
    for (const [type, events] of Map.groupBy(stored, (event) => event.type)) this.metrics.stored(type, events.length);
    this.log.debug({ stored: stored.length, duplicates: duplicates.length, conflicts: conflicts.length }, 'a batch is stored');
  }

  private async appendAlone(candidate: Candidate): Promise<void> {
    try {
      await this.append([candidate]);
    } catch (thrown) {
      if (isForLater(thrown)) throw thrown;
      candidate.message.reject(asKeywardError(thrown));
    }
  }
}

/** In slices, so that the answers of the database to another batch are not kept waiting. */
async function verifyAll(batch: readonly BatchMessage[]): Promise<Candidate[]> {
  const now = new Date();
  const candidates: Candidate[] = [];
  for (let from = 0; from < batch.length; from += SLICE) {
    if (from > 0) await nextTurn();
    for (const message of batch.slice(from, from + SLICE)) {
      const candidate = verified(message, now);
      if (candidate !== undefined) candidates.push(candidate);
    }
  }
  return candidates;
}

function verified(message: BatchMessage, now: Date): Candidate | undefined {
  try {
    return { message, ...verifyMessage(message, now) };
  } catch (thrown) {
    message.reject(asKeywardError(thrown));
    return undefined;
  }
}

/** The database is away, full or busy: nothing is wrong with the events. */
function isForLater(thrown: unknown): boolean {
  return thrown instanceof KeywardError && thrown.code === 'dependency_unavailable';
}
