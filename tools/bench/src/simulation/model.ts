/**
 * What a refresh costs and how the refresher goes about it. Costs are measured by `npm run bench -- --only P4,P16` (docs/refresh-scale.md
 * says when and where); the rest is the refresher's own configuration. Times in ms.
 */
export interface Model {
  replicas: number;
  /** KEYWARD_REFRESH_CONCURRENCY: refreshes in hand of one replica. */
  slots: number;
  /** Token requests at a time of one replica to one authorization server. */
  concurrency: number;
  /** At most so long between two looks for what is due. */
  pollMs: number;
  /** Of the token request: a third of the lease. */
  timeoutMs: number;
  /** CPU of one replica for one refresh, before and after its token request, and for the messages about it. */
  replicaMs: { before: number; after: number; relay: number };
  /** CPU of the database. */
  databaseMs: { claim: number; claimRow: number; begin: number; commit: number; relay: number };
  databaseCores: number;
  /** Share of the machine that is busy with something else. */
  elsewhere: number;
  /** What else the machine does per refresh, where one machine has everything: token endpoint, bus, audit-service. Only with `together`. */
  othersMs: number;
  /** On the way to the database and back, and until a commit is on disk. */
  roundTripMs: number;
  flushMs: number;
  /** The token endpoint of every provider. */
  endpoint: { medianMs: number; p99Ms: number };
  /** All replicas, the database and the rest on one machine with so many cores; null: each replica has a core, the database its own. */
  together: number | null;
}

/** As measured; `docs/refresh-scale.md` has the figures behind them. */
export const MEASURED: Model = {
  replicas: 8,
  slots: 64,
  concurrency: 32,
  pollMs: 1000,
  timeoutMs: 10_000,
  replicaMs: { before: 0.45, after: 0.5, relay: 0.25 },
  databaseMs: { claim: 5, claimRow: 0, begin: 0.2, commit: 0.4, relay: 0.2 },
  databaseCores: 8,
  othersMs: 0,
  elsewhere: 0,
  roundTripMs: 0.5,
  flushMs: 1,
  endpoint: { medianMs: 150, p99Ms: 1000 },
  together: null,
};

/** The tokens, and what happens to them. */
export interface Scenario {
  name: string;
  tokens: number;
  lifetimeMs: number;
  /** Share of the lifetime, and how much of the margin jitter may add. */
  margin: number;
  jitter: number;
  providers: number;
  /** How the tokens are spread over providers: the nth has 1/n of what the first has, or all have the same. */
  sizes: 'zipf' | 'even';
  /** When the first generation was obtained: spread over a lifetime, or all within so many ms before the beginning. */
  obtained: 'spread' | { withinMs: number };
  /** Nobody refreshes during this time. */
  downtime?: { fromMs: number; untilMs: number };
  /** The largest provider does not answer during this time: every request to it waits for its timeout. */
  outage?: { fromMs: number; untilMs: number };
  /** Token requests per second that the largest provider takes, over all replicas. */
  limitPerSecond?: number;
  /** All tokens end in this window and are overdue at the beginning, as in the benchmark P5. */
  storm?: { firstEndsMs: number; spreadMs: number; marginMs: number };
  untilMs: number;
  seed: number;
}

export const PROVIDER_WITH_TROUBLE = 0;
export const FAILURES_TO_OPEN = 5;
export const HALF_OPEN_AFTER_MS = 10_000;
export const BACKOFF = { baseMs: 1000, maxMs: 60_000 };
/** How many a lane has leased before their turn, as a share of its concurrency; and of a paced one, for how long. */
export const AHEAD_SHARE = 0.25;
export const PACED_AHEAD_MS = 2000;
