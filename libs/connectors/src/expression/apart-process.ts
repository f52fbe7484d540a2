import type { SchemaChecker } from '../tool/schema-check.js';
import { compileHere } from './evaluate.js';
import { ExpressionError } from './expression.js';
import type { Answered, Asked, Work } from './apart-messages.js';

const MAX_COMPILED = 500;
const compiled = new Map<string, unknown>();

function compiledOnce<T>(text: string, compile: (text: string) => T): T {
  let known = compiled.get(text) as T | undefined;
  if (known === undefined) {
    // Rarely so many; starting over is simpler than knowing which was used last.
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    known = compile(text);
    compiled.set(text, known);
  }
  return known;
}

async function valuesOf(work: Work): Promise<readonly unknown[]> {
  if ('text' in work) return compiledOnce(`expression ${work.text}`, () => compileHere(work.text))(work.contexts, work.bindings);
  // Most of these processes evaluate, and validate nothing.
  const { SchemaChecker: Checker } = await import('../tool/schema-check.js');
  // One for each: it keeps what it has compiled as long as it is there itself.
  const checker = (): ReturnType<SchemaChecker['checker']> => compiledSchema(new Checker(), work.schema);
  return compiledOnce(`schema ${work.schema}`, checker)(work.args);
}

function compiledSchema(checker: SchemaChecker, text: string): ReturnType<SchemaChecker['checker']> {
  const schema = JSON.parse(text) as Record<string, unknown>;
  try {
    checker.compile(schema);
  } catch (cause) {
    throw new ExpressionError(`is not a valid JSON Schema: ${cause instanceof Error ? cause.message : 'unknown'}`);
  }
  return checker.checker(schema);
}

async function answer({ id, ...work }: Asked): Promise<Answered> {
  try {
    return { id, values: await valuesOf(work) };
  } catch (error) {
    return { id, problem: error instanceof ExpressionError ? error.message : 'can not be evaluated' };
  }
}

process.on('message', (asked: Asked) => void answer(asked).then((answered) => process.send?.(answered)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
