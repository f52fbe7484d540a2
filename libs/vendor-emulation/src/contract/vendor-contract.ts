import { readFileSync } from 'node:fs';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import type { Schema } from '../schema.js';
import { methods, type Contract, type Method, type Operation } from './contract.js';
import { addressPattern, literalLength, namesOf } from './path-template.js';
import { strictly } from './strict.js';

const REQUESTS = 'https://contract.invalid/requests';
/** Google's `byte` is base64url (RFC 4648 section 5), everybody else's base64. */
const formats = { ...fullFormats, byte: /^[A-Za-z0-9+/_-]*={0,2}$/ };
const ANSWERS = 'https://contract.invalid/answers';

/** Vendors' schemas are not ours to be strict about; a `$ref` has one function, however often it stands. */
const LENIENT = {
  strict: false,
  validateSchema: false,
  logger: false,
  unicodeRegExp: false,
  inlineRefs: false,
  ownProperties: true,
  formats,
} as const;

/** An operation of a contract, with the patterns that its addresses have. */
export interface ContractOperation {
  readonly method: Method;
  readonly path: string;
  readonly operation: Operation;
  /** Names of the placeholders, in the order of the pattern's groups. */
  readonly names: readonly string[];
  readonly address: RegExp;
  /** The same for a server somewhere else: without the origin. */
  readonly pathname: RegExp;
}

export type Check = (value: unknown) => string[];

/** `contract.json`, ready to hold requests and answers against it. */
export class VendorContract {
  readonly operations: readonly ContractOperation[];
  private readonly requests = new Ajv2020({ ...LENIENT, allErrors: true });
  /** Of an answer the first thing that is wrong is enough, and costs less to compile. */
  private readonly answers = new Ajv2020(LENIENT);
  private readonly strict: ReturnType<typeof strictly>;
  private readonly compiled = new Map<Schema, Check>();

  constructor(readonly document: Contract) {
    const { schemas } = document.components;
    this.strict = strictly(schemas);
    this.requests.addSchema({ $id: REQUESTS, components: { schemas: this.strict.schemas } });
    this.answers.addSchema({ $id: ANSWERS, components: { schemas: anyOf(schemas) } });
    this.operations = Object.entries(document.paths)
      .flatMap(([path, item]) =>
        methods.flatMap((method) => {
          const operation = item[method];
          return operation === undefined ? [] : [contractOperation(method, path, operation, item.servers?.[0]?.url ?? '')];
        }),
      )
      .sort((a, b) => literalLength(b.path) - literalLength(a.path));
  }

  /** Whether a tool is known to send this though no description lists it. */
  isKnownUndescribed(method: string, address: string, anywhere: boolean): boolean {
    return (this.document['x-undescribed'] ?? []).some((known) => {
      const [verb, template = ''] = known.split(' ');
      return verb === method && addressPattern(anywhere ? withoutOrigin(template) : template).test(address);
    });
  }

  static read(file: string): VendorContract {
    return new VendorContract(JSON.parse(readFileSync(file, 'utf8')) as Contract);
  }

  schema(name: string): Schema {
    return this.document.components.schemas[name] ?? {};
  }

  /** What is wrong with a value of a request. */
  ofRequest(schema: Schema): Check {
    return this.check(schema, () => this.requests.compile(absolute(this.strict.value(schema), REQUESTS)));
  }

  /** What is wrong with an answer. */
  ofAnswer(schema: Schema): Check {
    return this.check(schema, () => this.answers.compile(absolute(anyOf(schema), ANSWERS)));
  }

  private check(schema: Schema, compile: () => ValidateFunction): Check {
    const known = this.compiled.get(schema);
    if (known !== undefined) return known;
    const validate = compile();
    const check: Check = (value) => (validate(value) ? [] : (validate.errors ?? []).map(sentence));
    this.compiled.set(schema, check);
    return check;
  }
}

function contractOperation(method: Method, path: string, operation: Operation, server: string): ContractOperation {
  const many = new Set((operation.parameters ?? []).filter((one) => one['x-segments'] === 'many').map(({ name }) => name));
  return {
    ...{ method, path, operation, names: namesOf(server + path) },
    address: addressPattern(server + path, many),
    pathname: addressPattern(withoutOrigin(server + path), many),
  };
}

/** The origin is written out, or a parameter. */
const withoutOrigin = (template: string) => template.replace(/^(?:https?:\/\/[^/]+|\{[^}]+\})/, '');

/** Descriptions of answers write `oneOf` over kinds that nothing tells apart. */
function anyOf<T>(schema: T): T {
  return JSON.parse(JSON.stringify(schema).replaceAll('"oneOf":[', '"anyOf":[')) as T;
}

function absolute(schema: unknown, base: string): Schema {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === '$ref' && typeof value === 'string' && value.startsWith('#/') ? base + value : value,
  ) as Schema;
}

function sentence({ instancePath, message, params }: ErrorObject): string {
  const named =
    params['unevaluatedProperty'] ?? params['additionalProperty'] ?? params['allowedValues'] ?? params['allowedValue'];
  const more = named === undefined ? '' : ` (${JSON.stringify(named).slice(0, 120)})`;
  return `${instancePath || '(the whole)'}: ${message ?? 'is not valid'}${more}`;
}
