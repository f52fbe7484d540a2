import { compileHere, type Evaluate } from './evaluate.js';
import { ExpressionError } from './expression.js';
import type { Answered, Asked } from './apart-messages.js';

const MAX_COMPILED = 500;
const compiled = new Map<string, Evaluate>();

function compiledOnce(text: string): Evaluate {
  let evaluate = compiled.get(text);
  if (evaluate === undefined) {
    // Rarely so many; starting over is simpler than knowing which was used last.
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    evaluate = compileHere(text);
    compiled.set(text, evaluate);
  }
  return evaluate;
}

async function answer({ id, text, contexts, bindings }: Asked): Promise<Answered> {
  try {
    return { id, values: await compiledOnce(text)(contexts, bindings) };
  } catch (error) {
    return { id, problem: error instanceof ExpressionError ? error.message : 'can not be evaluated' };
  }
}

process.on('message', (asked: Asked) => void answer(asked).then((answered) => process.send?.(answered)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
