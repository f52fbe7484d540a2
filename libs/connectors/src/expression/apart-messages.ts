import type { Bindings } from './expression.js';

/** An expression and what it is evaluated over, each context by itself. */
export interface Evaluation {
  readonly text: string;
  readonly contexts: readonly unknown[];
  readonly bindings: Bindings;
}

/** A JSON Schema, as JSON, and arguments; the values of the answer are what is wrong with them. */
export interface Check {
  readonly schema: string;
  readonly args: unknown;
}

export type Work = Evaluation | Check;
export type Asked = { readonly id: number } & Work;
export type Answered = { readonly id: number } & ({ readonly values: readonly unknown[] } | { readonly problem: string });
