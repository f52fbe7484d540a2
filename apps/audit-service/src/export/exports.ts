import { Readable } from 'node:stream';
import type { DataSource } from 'typeorm';
import { Slots } from '../background/slots.js';
import { ChainContradiction, type Checkpoints, type StoredCheckpoint } from '../checkpoints/checkpoints.js';
import type { Reader } from '../query/auditor.js';
import type { Readings } from '../query/readings.js';
import { exportLines } from './export-lines.js';
import { planExport } from './export-plan.js';
import type { ExportQuery } from './export-query.js';

/** At a time and replica: each holds a stretch of a chain in memory, and asks for the next as fast as its client reads. */
const MOST = { all: 4, each: 2 };
/** A client that takes nothing for so long is gone, whatever its connection says. */
const STALLED_MS = 60_000;

/** Two methods of the service's logger. */
export interface ExportLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

interface Parts {
  database: DataSource;
  /** Undefined where this deployment signs none. */
  checkpoints: Checkpoints | undefined;
  readings: Readings;
  log: ExportLog;
  stopping: AbortSignal;
}

/** Trails as JSON Lines. */
export class Exports {
  readonly #slots = new Slots('exports', MOST);

  constructor(private readonly parts: Parts) {}

  /**
   * Everything that can be refused is refused here, before the first line. The stream fails where it can't go on, so that the connection
   * breaks off instead of ending.
   *
   * @throws KeywardError `invalid_request`, `rate_limited`, `dependency_unavailable`
   */
  async begin(query: ExportQuery, reader: Reader): Promise<Readable> {
    const giveBack = this.#slots.take(query.organization);
    try {
      return this.#watched(await this.#lines(query, reader), giveBack);
    } catch (thrown) {
      giveBack();
      throw thrown;
    }
  }

  async #lines(query: ExportQuery, reader: Reader): Promise<AsyncGenerator<string>> {
    const { database, readings } = this.parts;
    const { organization, afterSeq, filter } = query;
    // An export that is verified as a chain ends with a checkpoint for its head; the plan is made behind it, for that head.
    const signed = filter === undefined ? await this.#signedHead(organization) : undefined;
    const plan = await planExport(database, query);
    await readings.record({ type: 'audit.exported', reader, organization, asked: { ...filter, afterSeq } });
    const isSigned = signed !== undefined && signed.seq >= (plan.from?.seq ?? 0);
    return exportLines(database, { ...plan, head: isSigned ? { seq: signed.seq, hash: signed.hash } : plan.head });
  }

  /** Where what is stored contradicts what was signed, the export shows it: it is given as it is, and its end is not signed. */
  async #signedHead(organization: string): Promise<StoredCheckpoint | undefined> {
    try {
      return await this.parts.checkpoints?.signHead(organization);
    } catch (thrown) {
      if (!(thrown instanceof ChainContradiction)) throw thrown;
      this.parts.log.warn({ organization }, 'a chain is exported that has been changed since it was signed');
      return undefined;
    }
  }

  #watched(lines: AsyncGenerator<string>, giveBack: () => void): Readable {
    const { log, stopping } = this.parts;
    const stalled = setTimeout(() => void stream.destroy(new Error('the client takes nothing more')), STALLED_MS).unref();
    const stream: Readable = Readable.from(noting(lines, () => stalled.refresh()));
    const stop = (): void => void stream.destroy(new Error('the service stops'));
    stopping.addEventListener('abort', stop, { once: true });
    stream.once('error', (error) => log.warn({ err: error }, 'an export was broken off'));
    stream.once('close', () => {
      giveBack();
      clearTimeout(stalled);
      stopping.removeEventListener('abort', stop);
    });
    return stream;
  }
}

/** @param taken told whenever more is asked for */
async function* noting(lines: AsyncGenerator<string>, taken: () => void): AsyncGenerator<string> {
  for await (const line of lines) {
    yield line;
    taken();
  }
}
