import type { Stack } from '@keyward/stack';
import type { Figure } from './figure.js';

/** What every measurement is given. The stack is the embedded default with nothing switched off. */
export interface Bench {
  stack: Stack;
  /** The access token that the stack keeps for its user, so that floors call the same upstream with the same right. */
  accessToken: string;
  /** How long one loop is measured, in ms; the warm-up comes before. */
  measureMs: number;
  progress: (line: string) => void;
}

export interface Measurement {
  /** Such as `P1`. */
  id: string;
  /** What it measures besides, on the same data. */
  also?: string;
  run(bench: Bench): Promise<Figure[]>;
}
