import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

interface OpenApi {
  paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, { content?: Record<string, { schema: object }> }> }>
  >;
  components: { schemas: Record<string, object> };
}

export interface SeenAnswer {
  method: string;
  /** Path with or without a query. */
  path: string;
  status: number;
  contentType: string | null;
  body: unknown;
}

/** Holds real answers against an OpenAPI document. */
export class Documented {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #templates: [string, RegExp][];
  /** `METHOD /template status` of every answer that was held against it. */
  readonly seen = new Set<string>();

  constructor(private readonly document: OpenApi) {
    this.#ajv.addSchema({ $id: 'openapi', components: document.components });
    this.#templates = Object.keys(document.paths)
      // What is spelled out wins over a parameter, as it does in the router.
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .map((template) => [template, new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`)]);
  }

  get details(): { id: string; method: string; path: string }[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => ({ id: operationId, method: method.toUpperCase(), path })),
    );
  }

  get operations(): string[] {
    return this.details.map(({ method, path }) => `${method} ${path}`);
  }

  /** @returns what the document says against it; undefined where they agree, or where the path is none of the door's */
  disagreement({ method, path, status, contentType, body }: SeenAnswer): unknown {
    const pathname = path.split('?', 1)[0] ?? '';
    const template = this.#templates.find(([, pattern]) => pattern.test(pathname))?.[0];
    const operation = template === undefined ? undefined : this.document.paths[template]?.[method.toLowerCase()];
    if (template === undefined || operation === undefined) return undefined;
    this.seen.add(`${method.toUpperCase()} ${template} ${status}`);
    const response = operation.responses[status] ?? operation.responses['default'];
    const type = contentType?.split(';')[0] ?? '';
    if (response?.content === undefined) return type === '' ? undefined : `${status} has a body of ${type}`;
    const schema = response.content[type]?.schema;
    if (schema === undefined) return `${status} as ${type} is not documented`;
    if (!type.endsWith('json')) return undefined;
    const validate = this.#validator(`${template} ${method} ${status} ${type}`, schema);
    return validate(body) ? undefined : validate.errors;
  }

  #validator(key: string, schema: object): ValidateFunction {
    const known = this.#validators.get(key);
    if (known !== undefined) return known;
    // The schemas refer to each other by their place in the document.
    const resolved = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components')) as object;
    const made = this.#ajv.compile(resolved);
    this.#validators.set(key, made);
    return made;
  }
}
