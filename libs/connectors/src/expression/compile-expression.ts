import { ApartEvaluator } from './apart.js';
import { compileHere } from './evaluate.js';
import type { Evaluator } from './expression.js';

/** For the deployment's own connectors. */
export const evaluatedHere: Evaluator = (text) => ({ evaluate: compileHere(text) });

/** One process beside each of ours, started when it is first needed. */
const apart = new ApartEvaluator();

/** For connectors of strangers. */
export const evaluatedApart: Evaluator = (text) => apart.compile(text);
