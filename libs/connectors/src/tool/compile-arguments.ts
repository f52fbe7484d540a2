import { KeywardError, jsonPointer } from '@keyward/contracts';
import { ExpressionError } from '../expression/expression.js';
import type { Fail } from './compile-tool.js';
import type { Arguments, Tool } from './tool.js';
import { checkInputSchema, checkSchema } from './check-input-schema.js';
import { isPlainSchema } from './plain-schema.js';
import { SchemaChecker, type ArgumentProblem } from './schema-check.js';

type Schema = Record<string, unknown>;

export interface CompiledArguments {
  inputSchema: Schema;
  validate: Tool['validateArguments'];
}

/** Checks arguments against a schema elsewhere. Rejects with an ExpressionError where that takes too long. */
export type CheckApart = (schema: Schema) => (args: Arguments) => Promise<readonly ArgumentProblem[]>;

interface Options {
  /** Of schemas of strangers: patterns, and alternatives inside of each other, may keep a validator busy for ever. */
  checkApart?: CheckApart | undefined;
}

export class ArgumentCompiler {
  private readonly checker = new SchemaChecker();

  constructor(private readonly options: Options = {}) {}

  /** Compiles at a tool's first call, and at load only what might fail then: compiling all would be a quarter of the work of starting. */
  compile(input: Schema, fail: Fail): CompiledArguments {
    checkInputSchema(input, fail);
    const open = 'additionalProperties' in input || 'unevaluatedProperties' in input;
    const inputSchema = Object.freeze(open ? input : { ...input, additionalProperties: false });
    const { checkApart } = this.options;
    // Of strangers, also what compiles may take long to: see check-posted.ts.
    if (checkApart === undefined && !isPlainSchema(inputSchema)) this.compileOrFail(inputSchema, fail);
    const validate = checkApart === undefined ? this.validator(inputSchema) : validatorApart(checkApart(inputSchema));
    return { inputSchema, validate };
  }

  /** Says what a tool gives; nothing is compiled, as no call is checked against it. */
  checkOutput(schema: Schema, fail: Fail): Schema {
    checkSchema(schema, fail);
    const problem = isPlainSchema(schema) ? undefined : this.checker.problemOf(schema);
    if (problem !== undefined) fail([], `not a valid JSON Schema: ${problem}`);
    return Object.freeze(schema);
  }

  /** Apart from `compile`, so that it keeps nothing of the file alive. */
  private validator(schema: Schema): (args: Arguments) => void {
    const check = this.checker.checker(schema);
    return (args) => {
      assertExact(args);
      assertNone(check(args));
    };
  }

  private compileOrFail(schema: Schema, fail: Fail): void {
    try {
      this.checker.compile(schema);
    } catch (cause) {
      fail([], `not a valid JSON Schema: ${cause instanceof Error ? cause.message : 'unknown'}`);
    }
  }
}

function validatorApart(check: ReturnType<CheckApart>): (args: Arguments) => Promise<void> {
  return async (args) => {
    assertExact(args);
    assertNone(await check(args).catch(unchecked));
  };
}

function unchecked(cause: unknown): never {
  if (!(cause instanceof ExpressionError)) throw cause;
  throw new KeywardError('invalid_arguments', `The arguments can’t be checked: their schema ${cause.message}.`, { cause });
}

function assertNone(errors: readonly ArgumentProblem[]): void {
  if (errors.length === 0) return;
  const where = errors.map(({ pointer, detail }) => `${pointer === '' ? 'the whole' : pointer}: ${detail}`).join('; ');
  throw new KeywardError('invalid_arguments', `The arguments are not valid (${where}).`, { details: { errors: [...errors] } });
}

/**
 * JSON has numbers of any length, and who reads them has 53 bits (RFC 8259 section 6): what is beyond is another number by now, so that an
 * id would be that of something else.
 */
function assertExact(args: Arguments): void {
  const path: PropertyKey[] = [];
  const visit = (value: unknown): void => {
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
      assertNone([{ pointer: jsonPointer(path), detail: 'is a number with more digits than can be passed on as they are' }]);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      path.push(key);
      visit(member);
      path.pop();
    }
  };
  visit(args);
}
