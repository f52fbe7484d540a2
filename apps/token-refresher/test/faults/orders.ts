import type { RefreshStep } from '../../src/refresh/steps.js';

/** What happens to the process when a refresh has come to a step. */
export type Blow =
  /** SIGKILL. */
  | { do: 'kill' }
  /** SIGSTOP: the whole process, until somebody sends it SIGCONT. */
  | { do: 'stop' }
  /** This refresh alone waits, until `resume`. */
  | { do: 'pause' }
  | { do: 'clock'; shiftMs: number };

export interface StepTrap {
  id: number;
  step: RefreshStep;
  /** Left out: any. */
  connection?: string;
  /** The how-manyth time; 1 the first. */
  nth: number;
  blow: Blow;
}

/** From the test to the process; `disarm` without an id means every trap. */
export type Order =
  | { kind: 'start'; env: Record<string, string> }
  | { kind: 'arm'; trap: StepTrap }
  | { kind: 'disarm'; id?: number }
  | { kind: 'resume' }
  | { kind: 'clock'; shiftMs: number };

/** From the process to the test. */
export type Report =
  | { kind: 'started' }
  | { kind: 'step'; step: RefreshStep; connection: string; generation: number }
  /** Sent just before the blow. */
  | { kind: 'trapped'; id: number };
