import { describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { ArgumentCompiler } from './compile-arguments.js';

const compiler = new ArgumentCompiler();
const never = (path: readonly PropertyKey[], detail: string): never => {
  throw new Error(`${path.join('/')}: ${detail}`);
};
const compile = (input: Record<string, unknown>) => compiler.compile(input, never);

const { validate, inputSchema } = compile({
  type: 'object',
  properties: {
    title: { type: 'string', minLength: 1 },
    state: { enum: ['open', 'closed'] },
    labels: { type: 'array', items: { type: 'string' } },
    at: { type: 'string', format: 'date-time' },
    'a/b~c': { type: 'integer' },
    constructor: { type: 'string' },
  },
  required: ['title'],
});

function errors(args: Record<string, unknown>): unknown {
  try {
    void validate(args);
  } catch (error) {
    expect(error).toBeInstanceOf(KeywardError);
    expect(error).toMatchObject({ code: 'invalid_arguments' });
    return (error as KeywardError).details.errors;
  }
  return undefined;
}

describe('arguments', () => {
  it('accepts what the schema allows', () => {
    expect(errors({ title: 'x', state: 'open', labels: [], at: '2026-01-01T00:00:00Z', 'a/b~c': 1 })).toBeUndefined();
  });

  it.each<[Record<string, unknown>, unknown]>([
    [{}, [{ pointer: '/title', detail: 'is required' }]],
    [{ title: 'x', extra: 1 }, [{ pointer: '/extra', detail: 'is not an argument of this tool' }]],
    [{ title: 'x', state: 'ajar' }, [{ pointer: '/state', detail: 'must be one of ["open","closed"]' }]],
    [{ title: 'x', labels: ['a', 2] }, [{ pointer: '/labels/1', detail: 'must be string' }]],
    [{ title: 'x', 'a/b~c': 'y' }, [{ pointer: '/a~1b~0c', detail: 'must be integer' }]],
    [{ title: 'x', at: 'today' }, [{ pointer: '/at', detail: 'must match format "date-time"' }]],
    [JSON.parse('{"title":"x","toString":1}'), [{ pointer: '/toString', detail: 'is not an argument of this tool' }]],
    [{ title: 'x', 'a/b~c': NaN }, [{ pointer: '/a~1b~0c', detail: 'must be integer' }]],
    [
      { title: '', state: 1 },
      [
        { pointer: '/title', detail: 'must NOT have fewer than 1 characters' },
        { pointer: '/state', detail: 'must be one of ["open","closed"]' },
      ],
    ],
  ])('points at each place: %j', (args, expected) => {
    expect(errors(args)).toEqual(expected);
  });

  it('never reads an inherited key as an argument', () => {
    const { validate: check } = compile({ type: 'object', properties: { constructor: {} }, required: ['constructor'] });
    expect(() => check({})).toThrow('/constructor: is required');
  });

  it('never echoes a value, and reports a bounded list', () => {
    const found = errors({ title: 'x', labels: Array(500).fill(12345) }) as unknown[];
    expect(found).toHaveLength(20);
    expect(JSON.stringify(found)).not.toContain('12345');
    expect(errors({ title: 'x', labels: Array(50_000).fill(12345) })).toHaveLength(1);
  });

  it('refuses unknown arguments unless the schema opens itself', () => {
    expect(inputSchema['additionalProperties']).toBe(false);
    const open = compile({ type: 'object', additionalProperties: { type: 'string' } });
    expect(() => open.validate({ anything: 'goes' })).not.toThrow();
  });

  it('stays inside the schema for $ref, and in bounds', () => {
    const tree = compile({ type: 'object', properties: { children: { type: 'array', items: { $ref: '#' } } } });
    expect(() => tree.validate({ children: [{ children: [{}] }] })).not.toThrow();
    expect(() => compile({ type: 'object', properties: { a: { $ref: '#/$defs/none' } } })).toThrow("can't resolve reference");
    expect(() => compile({ $id: 'https://x', type: 'object' })).toThrow('$id: leave it out');
    let deep: Record<string, unknown> = {};
    for (let level = 0; level < 40; level++) deep = { items: deep };
    expect(() => compile({ type: 'object', properties: { deep } })).toThrow('nested deeper');
    expect(() => compile({ type: 'object', enum: Array(6000).fill(1) })).toThrow('more than 5000 parts');
  });

  it.each([
    '{"title": 9007199254740993}',
    '{"title":"x","labels":[-1e300]}',
    '{"title":"x","labels":[{"id":12345678901234567890}]}',
  ])('refuses a number that has become another one: %s', (text) => {
    const any = compile({ type: 'object', properties: { title: {}, labels: {} } });
    expect(() => any.validate(JSON.parse(text) as Record<string, unknown>)).toThrow(/more digits than can be passed on/);
    expect(() => any.validate({ title: Number.MAX_SAFE_INTEGER, labels: [0.1] })).not.toThrow();
  });

  it('compiles a definition once, however often it is referred to', () => {
    const names = (prefix: string, count: number, schema: object) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, schema]));
    const big = { type: 'object', properties: names('p', 300, { type: 'string' }), minProperties: 0 };
    const many = compile({
      type: 'object',
      properties: names('q', 300, { $ref: '#/$defs/big' }),
      $defs: { big },
      dependentRequired: { q0: [] },
    });
    expect(() => many.validate({ q299: { p299: 1 } })).toThrow('/q299/p299: must be string');
  }, 10_000);
});
