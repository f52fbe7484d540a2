import { asKeywardError } from '@keyward/contracts';
import { dataKeyContext } from './kms-context.js';
import type { DataKeyRecord, DataKeyStore, KeyManagement, WrappedKey } from './ports.js';

const ORGANIZATIONS_PER_PAGE = 100;

export interface RewrapOptions {
  /** `resumeAfter` of an earlier report; left out: from the first organization. */
  after?: string | null;
  /** After each organization. */
  onProgress?: (report: RewrapReport) => void;
}

export interface RewrapReport {
  /** Data keys whose new wrapping is stored. One that failed is never counted here. */
  processed: number;
  /** Keys that the KMS refused: damaged, or wrapped by a key that is gone. They stay as they were. */
  refused: { org: string; dataKeyId: string; reason: unknown }[];
  /** Every key of the organizations up to this one is processed. Pass it as `after` to go on. */
  resumeAfter: string | null;
  /** True when all keys of all organizations are processed. */
  complete: boolean;
  /** Why the run stopped early: the KMS or the store became unavailable. */
  stoppedBy?: unknown;
}

type Outcome = { kind: 'processed' } | { kind: 'gone' } | { kind: 'refused'; reason: unknown };

async function orRefusal(attempt: Promise<WrappedKey>): Promise<WrappedKey | { reason: unknown }> {
  try {
    return await attempt;
  } catch (reason) {
    if (isUnavailable(reason)) throw reason;
    return { reason };
  }
}

function isUnavailable(thrown: unknown): boolean {
  return asKeywardError(thrown).code === 'dependency_unavailable';
}

/** A key that was shredded or rewrapped by somebody else while the KMS worked is looked at again. */
async function rewrapOne(kms: KeyManagement, store: DataKeyStore, key: DataKeyRecord): Promise<Outcome> {
  for (let current: DataKeyRecord | null = key; ; current = await store.byId(key.org, key.id)) {
    if (current === null || current.state === 'destroyed') return { kind: 'gone' };
    const next = await orRefusal(kms.reencrypt(current.wrapped, dataKeyContext(key.org)));
    if ('reason' in next) return { kind: 'refused', reason: next.reason };
    if (await store.replaceWrapped(key.org, key.id, current.wrapped, next)) return { kind: 'processed' };
  }
}

async function rewrapOrganization(kms: KeyManagement, store: DataKeyStore, org: string, report: RewrapReport): Promise<void> {
  for (const key of await store.undestroyed(org)) {
    const outcome = await rewrapOne(kms, store, key);
    if (outcome.kind === 'processed') report.processed++;
    if (outcome.kind === 'refused') report.refused.push({ org, dataKeyId: key.id, reason: outcome.reason });
  }
}

/**
 * Rotation of the KMS's key. Goes on past keys that are refused, so that one damaged row does not hold up the rest, but
 * `resumeAfter` stays before the first of them. Repeating it for keys that were processed is harmless.
 */
export async function rewrap(kms: KeyManagement, store: DataKeyStore, options: RewrapOptions): Promise<RewrapReport> {
  const report: RewrapReport = { processed: 0, refused: [], resumeAfter: options.after ?? null, complete: false };
  try {
    let page: string[];
    let cursor = report.resumeAfter;
    do {
      page = await store.organizations(cursor, ORGANIZATIONS_PER_PAGE);
      for (const org of page) {
        await rewrapOrganization(kms, store, org, report);
        cursor = org;
        if (report.refused.length === 0) report.resumeAfter = org;
        options.onProgress?.(report);
      }
    } while (page.length === ORGANIZATIONS_PER_PAGE);
    report.complete = report.refused.length === 0;
  } catch (thrown) {
    if (!isUnavailable(thrown)) throw thrown;
    report.stoppedBy = thrown;
  }
  return report;
}
