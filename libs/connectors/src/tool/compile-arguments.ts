import { KeywardError } from '@keyward/contracts';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import type { Fail } from './compile-tool.js';
import type { Arguments } from './tool.js';
import { checkInputSchema, checkSchema } from './check-input-schema.js';
import { isPlainSchema } from './plain-schema.js';

const MAX_REPORTED = 20;
/** Above this, only the first error is looked for: an error per element of a huge array would cost more than the call. */
const MAX_BYTES_FOR_ALL_ERRORS = 65_536;

type Schema = Record<string, unknown>;

export interface CompiledArguments {
  inputSchema: Schema;
  validate: (args: Arguments) => void;
}

/** JSON Schema 2020-12, nothing fetched: `$ref` stays inside the schema (see check-input-schema.ts). */
export class ArgumentCompiler {
  private first: Ajv2020 | undefined;
  private all: Ajv2020 | undefined;

  /** @param isKnown whether the schemas were compiled before, when they were posted: then they are here at a first call, all of them */
  constructor(private readonly isKnown = false) {}

  /** Compiles at a tool's first call, and at load only what might fail then: compiling all would be a quarter of the work of starting. */
  compile(input: Schema, fail: Fail): CompiledArguments {
    checkInputSchema(input, fail);
    const open = 'additionalProperties' in input || 'unevaluatedProperties' in input;
    const inputSchema = Object.freeze(open ? input : { ...input, additionalProperties: false });
    const early = this.isKnown || isPlainSchema(inputSchema) ? undefined : this.compileOrFail(inputSchema, fail);
    return { inputSchema, validate: this.validator(inputSchema, early) };
  }

  /** Says what a tool gives; nothing is compiled, as no call is checked against it. */
  checkOutput(schema: Schema, fail: Fail): Schema {
    checkSchema(schema, fail);
    if (!isPlainSchema(schema)) {
      this.first ??= createAjv(false);
      if (this.first.validateSchema(schema) !== true) fail([], `not a valid JSON Schema: ${this.first.errorsText()}`);
    }
    return Object.freeze(schema);
  }

  /** Apart from `compile`, so that it keeps nothing of the file alive. */
  private validator(schema: Schema, early: ValidateFunction | undefined): CompiledArguments['validate'] {
    let check = early;
    return (args) => {
      check ??= this.compileSchema(schema);
      if (check(args)) return;
      const small = JSON.stringify(args).length <= MAX_BYTES_FOR_ALL_ERRORS;
      throw invalidArguments(small ? this.allErrors(schema, args) : (check.errors ?? []));
    };
  }

  private compileOrFail(schema: Schema, fail: Fail): ValidateFunction {
    try {
      return this.compileSchema(schema);
    } catch (cause) {
      return fail([], `not a valid JSON Schema: ${cause instanceof Error ? cause.message : 'unknown'}`);
    }
  }

  private compileSchema(schema: Schema): ValidateFunction {
    this.first ??= createAjv(false);
    return this.first.compile(schema);
  }

  private allErrors(schema: Schema, args: Arguments): ErrorObject[] {
    // Ajv caches by the schema object: the second compilation happens at a tool's first invalid call, and once.
    this.all ??= createAjv(true);
    const check = this.all.compile(schema);
    check(args);
    return check.errors ?? [];
  }
}

export function createAjv(allErrors: boolean): Ajv2020 {
  return new Ajv2020({
    strictSchema: true,
    strictNumbers: true,
    strictTypes: false,
    strictTuples: false,
    // A key such as "constructor" counts only where the caller really sent it.
    ownProperties: true,
    allErrors,
    logger: false,
    formats: fullFormats,
  });
}

function invalidArguments(found: readonly ErrorObject[]): KeywardError {
  const errors = found.slice(0, MAX_REPORTED).map((error) => ({ pointer: pointerOf(error), detail: detailOf(error) }));
  const where = errors.map(({ pointer, detail }) => `${pointer === '' ? 'the whole' : pointer}: ${detail}`).join('; ');
  return new KeywardError('invalid_arguments', `The arguments are not valid (${where}).`, { details: { errors } });
}

/** The place the caller must mend: for a missing or an extra property, that property. */
function pointerOf({ instancePath, params }: ErrorObject): string {
  const name = params['missingProperty'] ?? params['additionalProperty'] ?? params['unevaluatedProperty'];
  if (typeof name !== 'string') return instancePath.slice(0, 500);
  return `${instancePath}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`.slice(0, 500);
}

function detailOf({ keyword, params, message }: ErrorObject): string {
  if (keyword === 'required' || keyword === 'dependentRequired') return 'is required';
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') return 'is not an argument of this tool';
  if (keyword === 'enum') return `must be one of ${JSON.stringify(params['allowedValues']).slice(0, 200)}`;
  if (keyword === 'const') return `must be ${JSON.stringify(params['allowedValue']).slice(0, 200)}`;
  return (message ?? 'is not valid').slice(0, 300);
}
