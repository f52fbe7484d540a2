import { KeywardError } from '@keyward/contracts';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import type { Fail } from './compile-tool.js';
import type { Arguments } from './tool.js';
import { checkInputSchema, checkSchema } from './check-input-schema.js';

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

  /** @param lazily whether schemas are compiled when a tool is first called, see parse-connector.ts */
  constructor(private readonly lazily = false) {}

  compile(input: Schema, fail: Fail): CompiledArguments {
    checkInputSchema(input, fail);
    const open = 'additionalProperties' in input || 'unevaluatedProperties' in input;
    const inputSchema = Object.freeze(open ? input : { ...input, additionalProperties: false });
    let check = this.lazily ? undefined : this.compileSchema(inputSchema, fail);
    const validate = (args: Arguments) => {
      check ??= this.compileSchema(inputSchema, fail);
      if (check(args)) return;
      const small = JSON.stringify(args).length <= MAX_BYTES_FOR_ALL_ERRORS;
      throw invalidArguments(small ? this.allErrors(inputSchema, args) : (check.errors ?? []));
    };
    return { inputSchema, validate };
  }

  /** Says what a tool gives; nothing is compiled, as no call is checked against it. */
  checkOutput(schema: Schema, fail: Fail): Schema {
    checkSchema(schema, fail);
    this.first ??= createAjv(false);
    if (this.first.validateSchema(schema) !== true) fail([], `not a valid JSON Schema: ${this.first.errorsText()}`);
    return Object.freeze(schema);
  }

  private compileSchema(schema: Schema, fail: Fail): ValidateFunction {
    this.first ??= createAjv(false);
    try {
      return this.first.compile(schema);
    } catch (cause) {
      return fail([], `not a valid JSON Schema: ${cause instanceof Error ? cause.message : 'unknown'}`);
    }
  }

  private allErrors(schema: Schema, args: Arguments): ErrorObject[] {
    // Ajv caches by the schema object: the second compilation happens at a tool's first invalid call, and once.
    this.all ??= createAjv(true);
    const check = this.all.compile(schema);
    check(args);
    return check.errors ?? [];
  }
}

function createAjv(allErrors: boolean): Ajv2020 {
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
