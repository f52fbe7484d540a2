import { ApartEvaluator, type Apart } from './apart.js';
import { compileHere, type Evaluate } from './evaluate.js';
import type { Evaluator } from './expression.js';

/** For the deployment's own connectors. */
export const evaluatedHere: Evaluator = (text) => {
  let compiled: Evaluate | undefined;
  // Most processes that load a connector never call its tools.
  return { evaluate: (contexts, bindings) => (compiled ??= compileHere(text))(contexts, bindings) };
};

/** One process beside each of ours, started when it is first needed. */
const apart = new ApartEvaluator();

/** For connectors of strangers. @param org whose they are */
export function apartFor(org: string): Apart {
  return apart.of(org);
}
