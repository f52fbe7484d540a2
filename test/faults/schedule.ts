import type { RefreshStep } from '../../apps/token-refresher/src/refresh/steps.js';
import { behaviours, type Behaviour } from './behaviours.js';
import { Random } from './random.js';
import { LEASE_MS } from './site.js';

/** At a moment of the schedule. Sites and connections are meant by their index. */
export type Act = { atMs: number } & (
  | { do: 'due'; connection: number }
  | { do: 'ask'; connection: number; askers: number; waitMs: number }
  | { do: 'kill'; site: number }
  | { do: 'kill at step'; site: number; step: RefreshStep; nth: number }
  | { do: 'stop'; site: number; forMs: number }
  | { do: 'stop at step'; site: number; step: RefreshStep; forMs: number }
  | { do: 'clock'; site: number; shiftMs: number }
  | { do: 'clock at step'; site: number; step: RefreshStep; shiftMs: number }
  | { do: 'cut statement'; site: number; statement: string; at: 'request' | 'answer'; then: 'close' | 'hang'; times: number }
  | { do: 'cut token request'; site: number; behaviour: Behaviour; at: 'request' | 'answer'; then: 'close' | 'half' | 'hang' }
  | { do: 'cut publication'; site: number; at: 'request' | 'answer'; times: number }
  | { do: 'cut off'; site: number; from: 'postgres' | 'nats'; forMs: number }
  | { do: 'provider fault'; fault: { kind: string } & Record<string, unknown> }
  | { do: 'lenient fault'; statuses: number[] }
  | { do: 'restart postgres'; forMs: number }
  | { do: 'authorize'; connection: number }
  | { do: 'disconnect'; connection: number }
);

export interface Schedule {
  seed: number;
  replicas: number;
  connections: { behaviour: Behaviour; expiresInMs: number; refreshInMs: number | null }[];
  acts: Act[];
  /** Whether every process is started anew when the faults are over; else only those that died. */
  restartAtEnd: boolean;
}

const LENGTH_MS = 2000;
const CLOCK_STEP_MS = 300_000;
const PAST_THE_LEASE_MS = LEASE_MS + 300;

const WEIGHTS: Record<Act['do'], number> = {
  due: 10,
  ask: 14,
  kill: 3,
  'kill at step': 7,
  stop: 1,
  'stop at step': 2,
  clock: 2,
  'clock at step': 2,
  'cut statement': 6,
  'cut token request': 6,
  'cut publication': 2,
  'cut off': 2,
  'provider fault': 4,
  'lenient fault': 2,
  'restart postgres': 0.5,
  authorize: 2,
  disconnect: 2,
};

const STEPS: readonly RefreshStep[] = ['claimed', 'turn', 'opened', 'begun', 'answered', 'sealed', 'stored', 'released'];
const STATEMENTS = ['claim_due', 'claim_refresh', 'begin_refresh', 'commit_refresh', 'release_refresh', 'give_up_refresh'];

/** Everything that a seed decides. What the operating system decides in between is another matter, and differs every time. */
export function scheduleOf(seed: number): Schedule {
  const random = new Random(seed);
  const replicas = random.between(2, 3);
  const connections = Array.from({ length: random.between(3, 12) }, () => ({
    behaviour: random.pick(behaviours),
    expiresInMs: random.pick([2_000, 5_000, 60_000]),
    refreshInMs: random.chance(0.7) ? random.between(0, LENGTH_MS) : null,
  }));
  const size = { replicas, connections: connections.length };
  const acts = Array.from({ length: random.between(6, 18) }, () => actOf(random, size)).sort((a, b) => a.atMs - b.atMs);
  return { seed, replicas, connections, acts, restartAtEnd: random.chance(0.3) };
}

function actOf(random: Random, size: { replicas: number; connections: number }): Act {
  const atMs = random.between(0, LENGTH_MS);
  const site = random.between(0, size.replicas - 1);
  const connection = random.between(0, size.connections - 1);
  const step = random.pick(STEPS);
  const shiftMs = random.pick([-CLOCK_STEP_MS, CLOCK_STEP_MS]);
  const at = random.pick(['request', 'answer'] as const);
  const forMs = random.chance(0.6) ? PAST_THE_LEASE_MS : random.between(50, 1500);
  const kind = random.weighted(WEIGHTS);
  switch (kind) {
    case 'due':
    case 'authorize':
    case 'disconnect':
      return { do: kind, atMs, connection };
    case 'ask':
      return { do: kind, atMs, connection, askers: random.between(1, 8), waitMs: random.between(200, 6000) };
    case 'kill':
      return { do: kind, atMs, site };
    case 'kill at step':
      return { do: kind, atMs, site, step, nth: random.between(1, 2) };
    case 'stop':
      return { do: kind, atMs, site, forMs };
    case 'stop at step':
      return { do: kind, atMs, site, step, forMs };
    case 'clock':
      return { do: kind, atMs, site, shiftMs };
    case 'clock at step':
      return { do: kind, atMs, site, step, shiftMs };
    case 'cut statement': {
      const then = random.chance(0.7) ? 'close' : 'hang';
      return { do: kind, atMs, site, at, then, statement: random.pick(STATEMENTS), times: random.between(1, 3) };
    }
    case 'cut token request': {
      const then = random.pick(at === 'answer' ? (['close', 'half', 'hang'] as const) : (['close', 'hang'] as const));
      return { do: kind, atMs, site, at, then, behaviour: random.pick(behaviours) };
    }
    case 'cut publication':
      return { do: kind, atMs, site, at, times: random.between(1, 3) };
    case 'cut off':
      return { do: kind, atMs, site, from: random.pick(['postgres', 'nats'] as const), forMs };
    case 'provider fault':
      return { do: kind, atMs, fault: providerFault(random) };
    case 'lenient fault':
      return { do: kind, atMs, statuses: [random.pick([500, 502, 503, 429])] };
    case 'restart postgres':
      return { do: kind, atMs, forMs: random.between(50, 800) };
  }
}

function providerFault(random: Random): { kind: string } & Record<string, unknown> {
  const count = random.between(1, 2);
  switch (random.pick(['fail', 'limit', 'delay', 'drop', 'garble'] as const)) {
    case 'fail':
      return { kind: 'fail', count, status: random.pick([500, 502, 503, 504]), ms: random.between(0, 200) };
    case 'limit':
      return { kind: 'fail', count, status: 429, retryAfterSeconds: 1 };
    case 'delay':
      return { kind: 'delay', count, ms: random.pick([100, 600, 2000]) };
    case 'drop':
      return { kind: 'drop', count };
    case 'garble':
      return { kind: 'garble', count };
  }
}
