import { asKeywardError } from '@keyward/contracts';
import { dataKeyContext } from './kms-context.js';
import type { DataKeyRecord, DataKeyStore, KeyManagement, WrappedKey } from './ports.js';

const ORGANIZATIONS_PER_PAGE = 100;

export interface RewrapOptions {
  /** `resumeAfter` of an earlier report; left out: from the first organization. */
  after?: string | null;
  /** After each organization. */
  onProgress?: (report: RewrapReport) => void;
  /** Ends the run before the next key; `stoppedBy` is then the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface RewrapReport {
  /** Data keys whose new wrapping is stored. One that failed is never counted here. */
  processed: number;
  /** Keys that stayed as they were: damaged, wrapped by a key that is gone, or met by an outage of the KMS. */
  failed: { org: string; dataKeyId: string; reason: unknown }[];
  /** Every key of the organizations up to this one is processed. Pass it as `after` to go on. */
  resumeAfter: string | null;
  /** True when all keys of all organizations are processed. */
  complete: boolean;
  /** Why the run ended before the last organization: the KMS or the store is unavailable, or it was told to. */
  stoppedBy?: unknown;
}

/** So many keys in a row that the KMS is unavailable for are an outage, and not keys that it happens to deny us. */
const OUTAGE = 3;

type Outcome = { kind: 'processed' } | { kind: 'gone' } | { kind: 'failed'; reason: unknown };

function isUnavailable(thrown: unknown): boolean {
  return asKeywardError(thrown).code === 'dependency_unavailable';
}

async function reencrypted(kms: KeyManagement, key: DataKeyRecord): Promise<WrappedKey | { reason: unknown }> {
  try {
    return await kms.reencrypt(key.wrapped, dataKeyContext(key.org));
  } catch (reason) {
    return { reason };
  }
}

/** A key that was shredded or rewrapped by somebody else while the KMS worked is looked at again. */
async function rewrapOne(kms: KeyManagement, store: DataKeyStore, key: DataKeyRecord): Promise<Outcome> {
  for (let current: DataKeyRecord | null = key; ; current = await store.byId(key.org, key.id)) {
    if (current === null || current.state === 'destroyed') return { kind: 'gone' };
    const next = await reencrypted(kms, current);
    if ('reason' in next) return { kind: 'failed', reason: next.reason };
    if (await store.replaceWrapped(key.org, key.id, current.wrapped, next)) return { kind: 'processed' };
  }
}

class RewrapRun {
  readonly report: RewrapReport;
  #unavailableInARow = 0;

  constructor(after: string | null) {
    this.report = { processed: 0, failed: [], resumeAfter: after, complete: false };
  }

  async organization(kms: KeyManagement, store: DataKeyStore, org: string, signal: AbortSignal | undefined): Promise<void> {
    for (const key of await store.undestroyed(org)) {
      signal?.throwIfAborted();
      const outcome = await rewrapOne(kms, store, key);
      if (outcome.kind === 'failed') this.#failed(key, outcome.reason);
      else this.#unavailableInARow = 0;
      if (outcome.kind === 'processed') this.report.processed++;
    }
    if (this.report.failed.length === 0) this.report.resumeAfter = org;
  }

  #failed(key: DataKeyRecord, reason: unknown): void {
    this.report.failed.push({ org: key.org, dataKeyId: key.id, reason });
    this.#unavailableInARow = isUnavailable(reason) ? this.#unavailableInARow + 1 : 0;
    if (this.#unavailableInARow === OUTAGE) throw reason;
  }
}

/**
 * Rotation of the KMS's key. Goes on past keys that fail, so that one damaged row does not hold up the rest, but `resumeAfter` stays
 * before the first of them. Repeating it for keys that were processed is harmless.
 */
export async function rewrap(kms: KeyManagement, store: DataKeyStore, options: RewrapOptions): Promise<RewrapReport> {
  const run = new RewrapRun(options.after ?? null);
  const { report } = run;
  try {
    let page: string[];
    let cursor = report.resumeAfter;
    do {
      page = await store.organizations(cursor, ORGANIZATIONS_PER_PAGE);
      for (const org of page) {
        await run.organization(kms, store, org, options.signal);
        cursor = org;
        options.onProgress?.(report);
      }
    } while (page.length === ORGANIZATIONS_PER_PAGE);
    report.complete = report.failed.length === 0;
  } catch (thrown) {
    if (!isUnavailable(thrown) && options.signal?.aborted !== true) throw thrown;
    report.stoppedBy = thrown;
  }
  return report;
}
