import { setTimeout as delay } from 'node:timers/promises';
import { logTail } from '../process/logs.js';
import type { Supervised } from '../process/supervised.js';

const READY_TIMEOUT_MS = 90_000;
const POLL_MS = 50;
/** Once may be bad luck; a service that keeps ending will not come up. */
const CRASHES_BEFORE_GIVING_UP = 3;

/** What a service answers on `/readyz`. */
interface ReadinessReport {
  checks?: { name: string; ok: boolean; reason?: string }[];
}

async function probe(url: string): Promise<{ ready: boolean; missing: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    const body = await response.text();
    return { ready: response.ok, missing: response.ok ? '' : failingChecks(body) };
  } catch {
    return { ready: false, missing: 'it does not answer' };
  }
}

function failingChecks(body: string): string {
  try {
    const { checks = [] } = JSON.parse(body) as ReadinessReport;
    const failing = checks.filter((check) => !check.ok).map((check) => [check.name, check.reason].filter(Boolean).join(': '));
    return failing.length === 0 ? 'not ready' : `not ready: ${failing.join('; ')}`;
  } catch {
    return 'not ready';
  }
}

/** Waits until `url` answers 2xx. @throws Error with what is missing and the end of the log */
export async function untilReady(service: Supervised, url: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    signal.throwIfAborted();
    const { ready, missing } = await probe(url);
    if (ready) return;
    const gaveUp = service.crashes >= CRASHES_BEFORE_GIVING_UP;
    if (gaveUp || Date.now() > deadline) {
      const what = gaveUp ? `keeps ending` : `was not ready within ${READY_TIMEOUT_MS / 1000} s (${missing})`;
      throw new Error(`${service.name} ${what}. The end of its log, ${service.logFile}:\n\n${logTail(service.logFile)}\n`);
    }
    await delay(POLL_MS, undefined, { signal });
  }
}
