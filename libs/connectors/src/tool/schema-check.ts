import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';

const MAX_REPORTED = 20;
/** Above this, only the first error is looked for: an error per element of a huge array would cost more than the call. */
const MAX_BYTES_FOR_ALL_ERRORS = 65_536;

type Schema = Readonly<Record<string, unknown>>;

/** A place in a call's arguments, as JSON Pointer, and what is wrong there. */
export interface ArgumentProblem {
  readonly pointer: string;
  readonly detail: string;
}

/** JSON Schema 2020-12, nothing fetched: `$ref` stays inside the schema (see check-input-schema.ts). */
export class SchemaChecker {
  #first: Ajv2020 | undefined;
  #all: Ajv2020 | undefined;

  /** Compiled when it is first called. @returns what is wrong with arguments, of which nothing is left empty */
  checker(schema: Schema): (args: unknown) => readonly ArgumentProblem[] {
    let check: ValidateFunction | undefined;
    return (args) => {
      check ??= this.compile(schema);
      if (check(args)) return [];
      const isSmall = JSON.stringify(args).length <= MAX_BYTES_FOR_ALL_ERRORS;
      const errors = isSmall ? this.#allErrors(schema, args) : (check.errors ?? []);
      return errors.slice(0, MAX_REPORTED).map((error) => ({ pointer: pointerOf(error), detail: detailOf(error) }));
    };
  }

  /** @throws Error where it is no schema. Ajv caches by the schema object. */
  compile(schema: Schema): ValidateFunction {
    this.#first ??= createAjv(false);
    return this.#first.compile(schema);
  }

  /** Without compiling it. @returns undefined where it is one */
  problemOf(schema: Schema): string | undefined {
    this.#first ??= createAjv(false);
    return this.#first.validateSchema(schema) === true ? undefined : this.#first.errorsText();
  }

  /** The second compilation happens at a tool's first invalid call, and once. */
  #allErrors(schema: Schema, args: unknown): ErrorObject[] {
    this.#all ??= createAjv(true);
    const check = this.#all.compile(schema);
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
    // One definition that is referred to a thousand times is compiled once, and not into a thousand places.
    inlineRefs: false,
    allErrors,
    logger: false,
    formats: fullFormats,
  });
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
