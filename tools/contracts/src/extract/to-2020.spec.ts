import { describe, expect, it } from '@jest/globals';
import { to2020 } from './to-2020.js';

const dialect = { reference: (ref: string) => `#/components/schemas/${ref.split('/').at(-1)}` };

describe('schemas of other dialects', () => {
  it.each<[string, unknown, unknown]>([
    ['prose is left out', { type: 'string', description: 'x', title: 'x', example: 1, 'x-y': 1 }, { type: 'string' }],
    [
      'a property of such a name stays',
      { properties: { title: { type: 'string' } } },
      { properties: { title: { type: 'string' } } },
    ],
    ['nullable', { type: 'string', nullable: true }, { type: ['string', 'null'] }],
    ['a nullable enum', { type: 'string', enum: ['a'], nullable: true }, { type: ['string', 'null'], enum: ['a', null] }],
    [
      'a nullable reference',
      { $ref: '#/definitions/X', nullable: true },
      { anyOf: [{ $ref: '#/components/schemas/X' }, { type: 'null' }] },
    ],
    ['exclusive bounds of OpenAPI 3.0', { minimum: 1, exclusiveMinimum: true }, { exclusiveMinimum: 1 }],
    ['bounds as texts', { type: 'integer', minimum: '1', maximum: '5' }, { type: 'integer', minimum: 1, maximum: 5 }],
    ['required beside a type', { type: 'string', required: true }, { type: 'string' }],
    ['any', { type: 'any' }, {}],
    [
      'a list of alternatives under items',
      { items: [{ type: 'string' }, { type: 'null' }] },
      { anyOf: [{ type: 'string' }, { type: 'null' }] },
    ],
    ['parts', { allOf: [{ $ref: 'X', description: 'y' }] }, { allOf: [{ $ref: '#/components/schemas/X' }] }],
  ])('%s', (_what, schema, expected) => {
    expect(to2020(schema, dialect)).toEqual(expected);
  });
});
