import type { RefreshStep } from '../../apps/token-refresher/src/refresh/steps.js';
import type { FaultConnection } from './fault-world.js';
import type { Dependency, Site } from './site.js';

/** How a request is held: it hangs, or its connection breaks. */
export type Loss = 'hang' | 'close';

/** A place on the way of a refresh at which it can be stopped. */
export interface CrashPoint {
  name: string;
  kind: 'step' | 'request' | 'answer';
  /** Left out: each connection is caught for itself. Else the first one is, for all of them; the others have come to this step by then. */
  all?: RefreshStep | 'nothing';
  needsKms?: boolean;
  /** Data keys are in memory after their first use: this needs processes that have none yet. */
  freshProcesses?: boolean;
  /** What is sealed next needs a data key that is yet to be made. */
  newDataKey?: boolean;
  arm(site: Site, connection: FaultConnection, loss: Loss): Armed;
}

export interface Armed {
  /** Resolves when a refresh has come there. */
  readonly fired: Promise<void>;
  disarm(): void;
}

const atStep = (step: RefreshStep, name: string): CrashPoint => ({
  ...{ name, kind: 'step' },
  arm: (site, { connection }) => site.replica.trap({ step, connection, blow: { do: 'pause' } }),
});

interface Place {
  dependency: Dependency;
  contains: (connection: FaultConnection) => string[];
  more?: Omit<CrashPoint, 'name' | 'kind' | 'arm'>;
}

function at(kind: 'request' | 'answer', name: string, { dependency, contains, more = {} }: Place): CrashPoint {
  return {
    ...{ name, kind, ...more, needsKms: dependency === 'kms' },
    arm: (site, connection, then) => site.arm(dependency, { contains: contains(connection), fault: { at: kind, then } }),
  };
}

function atTokenEndpoint(kind: 'request' | 'answer', name: string): CrashPoint {
  return {
    ...{ name, kind },
    arm: (site, { behaviour, tokens }, then) =>
      site.arm(behaviour, {
        contains: ['POST /token ', new URLSearchParams({ refresh_token: tokens.refresh_token }).toString()],
        fault: { at: kind, then },
      }),
  };
}

const statement = (name: string): Place => ({
  dependency: 'postgres',
  contains: ({ connection }) => [`vault.${name}`, connection],
});
const begin = statement('begin_refresh');
const commit = statement('commit_refresh');
const opening: Place = {
  dependency: 'kms',
  contains: () => ['TrentService.Decrypt'],
  more: { all: 'turn', freshProcesses: true },
};
const sealing: Place = {
  dependency: 'kms',
  contains: () => ['TrentService.GenerateDataKey'],
  more: { all: 'answered', freshProcesses: true, newDataKey: true },
};
const publishing: Place = {
  dependency: 'nats',
  contains: ({ connection }) => ['PUB connection.refreshed.', connection],
  more: { all: 'stored' },
};

const claimHeard: CrashPoint = {
  ...{ name: 'claim: made, its answer not heard', kind: 'answer', all: 'nothing' },
  // The loop claims once a second, whether anything is due or not: only the answer tells which claim it was.
  arm: (site, { connection }, then) =>
    site.arm('postgres', { contains: 'vault.claim_due', answerContains: connection, fault: { at: 'answer', then } }),
};

/** In the order in which a refresh comes by. */
export const crashPoints: readonly CrashPoint[] = [
  at('request', 'claim: before it reaches the database', {
    dependency: 'postgres',
    contains: () => ['vault.claim_due'],
    more: { all: 'nothing' },
  }),
  claimHeard,
  atStep('claimed', 'claimed'),
  atStep('turn', 'has its turn in the lane'),
  at('request', 'key service asked to open, before it hears', opening),
  at('answer', 'key service asked to open, its answer not heard', opening),
  atStep('opened', 'credential opened'),
  at('request', 'begin: before it reaches the database', begin),
  at('answer', 'begin: stored, its answer not heard', begin),
  atStep('begun', 'begun, nothing sent'),
  atTokenEndpoint('request', 'token request sent, not processed'),
  atTokenEndpoint('answer', 'token request processed, answer not heard'),
  atStep('answered', 'answer heard'),
  at('request', 'key service asked for a new key to seal with, before it hears', sealing),
  at('answer', 'key service asked for a new key to seal with, its answer not heard', sealing),
  atStep('sealed', 'answer sealed'),
  at('request', 'commit: before it reaches the database', commit),
  at('answer', 'commit: stored, its answer not heard', commit),
  atStep('stored', 'stored'),
  at('request', 'event: before it reaches the bus', publishing),
  at('answer', 'event: on the bus, its acknowledgement not heard', publishing),
];
