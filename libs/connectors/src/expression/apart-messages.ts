import type { Bindings } from './expression.js';

export interface Asked {
  readonly id: number;
  readonly text: string;
  readonly contexts: readonly unknown[];
  readonly bindings: Bindings;
}

export type Answered = { readonly id: number } & ({ readonly values: unknown[] } | { readonly problem: string });
