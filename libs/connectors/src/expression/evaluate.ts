import { setImmediate as nextTurn } from 'node:timers/promises';
import jsonata from 'jsonata';
import { ExpressionError, type Bindings } from './expression.js';
import { ownFunctions, slowFunctions } from './own-functions.js';
import { plain } from './plain.js';

const TIMEOUT_MS = 100;
/** Of an expression that calls a function which waits for others, and of one that was held up: a busy machine is no busy expression. */
const SLOW_TIMEOUT_MS = 2_000;
/** Work on one context after the other for so long, and others of this process get their turn. */
const TURN_MS = 20;
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
  const compiled = withLimit(text, waits ? SLOW_TIMEOUT_MS : TIMEOUT_MS);
  let patient: jsonata.Expression | undefined;
  const evaluate = async (context: unknown, bindings: Bindings): Promise<unknown> => {
    const began = cpuMs();
    return evaluateOnce(compiled, context, bindings).catch((error: unknown) => {
      const isHeldUp = error instanceof ExpressionError && error.message === TIMED_OUT && cpuMs() - began < TIMEOUT_MS;
      if (!isHeldUp || waits) throw error;
      return evaluateOnce((patient ??= withLimit(text, SLOW_TIMEOUT_MS)), context, bindings);
    });
  };
  return async (contexts, bindings) => {
    const results: unknown[] = [];
    let turn = performance.now();
    for (const context of contexts) {
      if (performance.now() - turn > TURN_MS) {
        await nextTurn();
        turn = performance.now();
      }
      results.push(await evaluate(context, bindings));
    }
    return results;
  };
}

const TIMED_OUT = 'takes too long';

/** JSONata looks at the clock on the wall, which goes on while the machine lets others run. */
function withLimit(text: string, timeout: number): jsonata.Expression {
  const compiled = jsonata(text, { timeout, stack: MAX_STACK, sequence: MAX_SEQUENCE });
  for (const { name, signature, implementation } of ownFunctions) compiled.registerFunction(name, implementation, signature);
  // What it evaluates was seen by nobody.
  compiled.assign('eval', undefined);
  return compiled;
}

/** Not there in an older Node, where the whole process counts. */
const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };

/** What this thread has worked. */
function cpuMs(): number {
  const { user, system } = threadCpuUsage === undefined ? process.cpuUsage() : threadCpuUsage.call(process);
  return (user + system) / 1_000;
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
