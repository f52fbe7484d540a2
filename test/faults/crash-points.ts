import type { RefreshStep } from '../../apps/token-refresher/src/refresh/steps.js';
import type { FaultConnection } from './fault-world.js';
import type { Dependency, Site } from './site.js';

/** A place on the way of a refresh, at which it is held until its process is killed. */
export interface CrashPoint {
  name: string;
  /** `each` connection is held for itself, or the whole `process` at once, by what is done for all of them together. */
  held: 'each' | 'process';
  needsKms?: boolean;
  /** Data keys are in memory after their first use, so this needs processes that have none yet. */
  freshProcesses?: boolean;
  /** New secrets are to be sealed under a data key of their own. */
  newDataKey?: boolean;
  arm(site: Site, connection: FaultConnection): Held;
}

/** Resolves `fired` when the refresh is held there. */
export interface Held {
  readonly fired: Promise<void>;
  disarm(): void;
}

const atStep = (step: RefreshStep, what: string): CrashPoint => ({
  name: what,
  held: 'each',
  arm: (site, { connection }) => site.replica.trap({ step, connection, blow: { do: 'pause' } }),
});

function atDependency(
  name: string,
  held: CrashPoint['held'],
  dependency: Dependency,
  at: 'request' | 'answer',
  contains: string | ((connection: FaultConnection) => string[]),
  more: Pick<CrashPoint, 'freshProcesses' | 'newDataKey'> & { skip?: number } = {},
): CrashPoint {
  const { skip = 0, ...rest } = more;
  return {
    ...{ name, held, ...rest, needsKms: dependency === 'kms' },
    arm: (site, connection) =>
      site.arm(dependency, {
        contains: typeof contains === 'string' ? contains : contains(connection),
        skip,
        fault: { at, then: 'hang' },
      }),
  };
}

const statement = (name: string) => (connection: FaultConnection) => [name, connection.connection];

function atTokenEndpoint(name: string, at: 'request' | 'answer'): CrashPoint {
  return {
    name,
    held: 'each',
    arm: (site, { behaviour, tokens }) =>
      site.arm(behaviour, {
        contains: ['POST /token ', new URLSearchParams({ refresh_token: tokens.refresh_token }).toString()],
        fault: { at, then: 'hang' },
      }),
  };
}

const decrypt = 'TrentService.Decrypt';
const told = ({ connection }: FaultConnection) => ['PUB connection.refreshed.', connection];

/** In the order in which a refresh comes by. */
export const crashPoints: readonly CrashPoint[] = [
  atDependency('claim: before it reaches the database', 'process', 'postgres', 'request', 'claim_due'),
  {
    name: 'claim: made, its answer not heard',
    held: 'process',
    arm: (site, { connection }) =>
      site.arm('postgres', { contains: 'claim_due', answerContains: connection, fault: { at: 'answer', then: 'hang' } }),
  },
  atStep('claimed', 'claimed'),
  atStep('turn', 'has its turn in the lane'),
  atDependency('key service asked to open, before it hears', 'process', 'kms', 'request', decrypt, { freshProcesses: true }),
  atDependency('key service asked to open, its answer not heard', 'process', 'kms', 'answer', decrypt, { freshProcesses: true }),
  atStep('opened', 'credential opened'),
  atDependency('begin: before it reaches the database', 'each', 'postgres', 'request', statement('begin_refresh')),
  atDependency('begin: stored, its answer not heard', 'each', 'postgres', 'answer', statement('begin_refresh')),
  atStep('begun', 'begun, nothing sent'),
  atTokenEndpoint('token request sent, not processed', 'request'),
  atTokenEndpoint('token request processed, answer not heard', 'answer'),
  atStep('answered', 'answer heard'),
  atDependency('key service asked to seal, before it hears', 'process', 'kms', 'request', decrypt, {
    ...{ freshProcesses: true, newDataKey: true, skip: 1 },
  }),
  atDependency('key service asked to seal, its answer not heard', 'process', 'kms', 'answer', decrypt, {
    ...{ freshProcesses: true, newDataKey: true, skip: 1 },
  }),
  atStep('sealed', 'answer sealed'),
  atDependency('commit: before it reaches the database', 'each', 'postgres', 'request', statement('commit_refresh')),
  atDependency('commit: stored, its answer not heard', 'each', 'postgres', 'answer', statement('commit_refresh')),
  atStep('stored', 'stored'),
  atDependency('event: before it reaches the bus', 'process', 'nats', 'request', told),
  atDependency('event: on the bus, its acknowledgement not heard', 'process', 'nats', 'answer', told),
];
