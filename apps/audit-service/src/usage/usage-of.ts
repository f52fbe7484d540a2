import type { AuditEvent } from '@keyward/contracts';

/** What one call used. Empty text where the event does not say. */
export interface CallUsage {
  agent: string;
  user: string;
  connector: string;
  tool: string;
  state: string;
  attempts: number;
  durationMs: number;
  costMicros: number;
}

/** An absurd number must not keep its event out of the trail, and sums stay what a bigint holds. */
const MOST = { attempts: 1_000_000, durationMs: 10_000_000_000, costMicros: 1_000_000_000_000 } as const;

/** Of a call that has come to its end, whichever; a call that waits for a person is counted when it ends. */
export function usageOf(event: AuditEvent): CallUsage | undefined {
  if (event.type !== 'execution.completed') return undefined;
  return {
    agent: event.agent ?? '',
    user: event.user ?? '',
    connector: event.provider ?? '',
    tool: event.tool ?? '',
    state: event.state ?? 'unknown',
    attempts: bounded(event.attempts, MOST.attempts),
    durationMs: bounded(event.durationMs, MOST.durationMs),
    costMicros: bounded(event.costMicros, MOST.costMicros),
  };
}

function bounded(value: number | undefined, most: number): number {
  return Math.min(Math.max(value ?? 0, 0), most);
}
