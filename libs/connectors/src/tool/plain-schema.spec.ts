import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadCatalog } from '../load/load-catalog.js';
import { checkSchema } from './check-input-schema.js';
import { createAjv } from './schema-check.js';
import { isPlainSchema } from './plain-schema.js';

const refuse = (): never => {
  throw new Error('refused');
};

/** Keywords with values that fit and values that do not, those of other keywords among them. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    'string',
    'object',
    'text',
    'date-time',
    'uri',
    'no-such-format',
    '#/$defs/a',
    '#/$defs/none',
    '#',
    '^a+$',
    '[',
    '\\-',
  ),
  fc.constantFrom(['string', 'null'], ['string', 'string'], [], ['a', 'b'], [1], { a: { type: 'string' } }, { a: 1 }),
  fc.constantFrom<unknown>(0, 1, -1, 1.5, true, false, null, {}, [{}], [true], { type: 'array' }),
);
const keyword = fc.constantFrom(
  ...['type', 'properties', '$defs', 'items', 'additionalProperties', 'required', 'title', 'description', '$comment', 'default'],
  ...['const', 'enum', 'examples', 'deprecated', 'minimum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxItems', 'format'],
  ...['minProperties', 'pattern', 'uniqueItems', 'anyOf', 'oneOf', 'allOf', 'not', '$ref', 'readOnly', 'if', 'then', 'nullable'],
  ...[
    'patternProperties',
    'contains',
    'minContains',
    'prefixItems',
    'unevaluatedProperties',
    'propertyNames',
    'dependentRequired',
    'whatever',
    'maximun',
  ],
);
const schema = fc.letrec<{ node: Record<string, unknown>; part: unknown }>((tie) => ({
  part: fc.oneof(
    { depthSize: 'small' },
    value,
    tie('node'),
    fc.array(tie('node'), { maxLength: 2 }),
    fc.record({ a: tie('node') }),
  ),
  node: fc.dictionary(keyword, tie('part'), { maxKeys: 4 }),
}));

describe('schemas that surely compile', () => {
  it('compile, and are valid', () => {
    const ajv = createAjv(false);
    let plain = 0;
    fc.assert(
      fc.property(schema.node, (node) => {
        const whole = { type: 'object', $defs: { a: { type: 'string' } }, ...node };
        if (!isPlainSchema(whole)) return;
        try {
          checkSchema(whole, refuse);
        } catch {
          return;
        }
        plain += 1;
        expect([ajv.validateSchema(whole), ajv.errors]).toEqual([true, null]);
        expect(ajv.compile(whole)).toBeInstanceOf(Function);
      }),
      { numRuns: 5_000 },
    );
    expect(plain).toBeGreaterThan(200);
  });

  it.each<[string, object]>([
    ['a type that is none', { type: 'text' }],
    ['a type twice', { type: ['string', 'string'] }],
    ['a keyword that is misspelt', { maximun: 1 }],
    ['a format that nobody knows', { format: 'no-such-format' }],
    ['a pattern that is none', { pattern: '[' }],
    ['a pattern that is none of Unicode', { pattern: '\\-' }],
    ['a choice of nothing', { enum: [] }],
    ['a reference to nothing', { $ref: '#/$defs/none' }],
    ['a name twice', { required: ['a', 'a'] }],
    ['a count that is none', { minLength: -1 }],
    ['a part that is no schema', { properties: { a: 'string' } }],
    ['what is known of other dialects', { nullable: true }],
  ])('are not said to be any where there is %s', (_what, part) => {
    expect(isPlainSchema({ type: 'object', properties: { deep: { items: { anyOf: [part] } } } })).toBe(false);
  });

  it('are nearly all of our own', () => {
    const variables = ['sandbox', 'sandbox_device', 'sandbox_key', 'sandbox_mcp', 'sandbox_service'];
    const dir = join(import.meta.dirname, '../../../../connectors');
    const catalog = loadCatalog(dir, Object.fromEntries(variables.map((name) => [name, { url: 'http://127.0.0.1:9' }])));
    const ajv = createAjv(false);
    const schemas = catalog.tools().flatMap(({ inputSchema, outputSchema }) => [inputSchema, outputSchema ?? {}]);
    for (const each of schemas) expect(ajv.compile(each)).toBeInstanceOf(Function);
    expect(schemas.filter((each) => !isPlainSchema(each)).length).toBeLessThan(schemas.length / 20);
  });
});
