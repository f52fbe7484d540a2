import jsonata from 'jsonata';
import { ExpressionError, type Bindings } from './expression.js';
import { ownFunctions, slowFunctions } from './own-functions.js';
import { plain } from './plain.js';

const TIMEOUT_MS = 100;
/** Of an expression that calls a function which waits for others, so that a busy process is not taken for a busy expression. */
const SLOW_TIMEOUT_MS = 2_000;
/** Nested evaluations, of which one call of a function takes about five. */
const MAX_STACK = 1_000;
const MAX_SEQUENCE = 100_000;

export type Evaluate = (contexts: readonly unknown[], bindings: Bindings) => Promise<unknown[]>;

/**
 * Compiles an expression to be evaluated on this thread. JSONata looks at time and depth at each node of the expression; what one
 * of its functions does inside is not bounded, which is why expressions of strangers are evaluated elsewhere, see apart.ts.
 *
 * @param text must be an expression
 */
export function compileHere(text: string): Evaluate {
  const waits = slowFunctions.some((name) => text.includes(`$${name}`));
  const compiled = jsonata(text, { timeout: waits ? SLOW_TIMEOUT_MS : TIMEOUT_MS, stack: MAX_STACK, sequence: MAX_SEQUENCE });
  for (const { name, signature, implementation } of ownFunctions) compiled.registerFunction(name, implementation, signature);
  // What it evaluates was seen by nobody.
  compiled.assign('eval', undefined);
  return async (contexts, bindings) => {
    const results: unknown[] = [];
    for (const context of contexts) results.push(await evaluateFairly(compiled, context, bindings));
    return results;
  };
}

const TIMED_OUT = 'takes too long';

/** It is the clock that is looked at: a process that was not let run for a while is not an expression that runs for long. */
async function evaluateFairly(compiled: jsonata.Expression, context: unknown, bindings: Bindings): Promise<unknown> {
  return evaluateOnce(compiled, context, bindings).catch((error: unknown) => {
    if (error instanceof ExpressionError && error.message === TIMED_OUT) return evaluateOnce(compiled, context, bindings);
    throw error;
  });
}

async function evaluateOnce(compiled: jsonata.Expression, context: unknown, bindings: Bindings): Promise<unknown> {
  try {
    return plain(await compiled.evaluate(context, { ...bindings }));
  } catch (cause) {
    if (cause instanceof ExpressionError) throw cause;
    throw new ExpressionError(reasonOf(cause), { cause });
  }
}

/** The kind of error alone: JSONata's sentences quote the values they are about. */
function reasonOf(cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : undefined;
  if (code === 'D1012') return TIMED_OUT;
  if (code === 'D1011' || cause instanceof RangeError) return 'goes too deep';
  if (code === 'D2014' || code === 'D2015') return 'makes a list that is too long';
  return code === undefined ? 'can not be evaluated' : `can not be evaluated (JSONata ${code})`;
}
