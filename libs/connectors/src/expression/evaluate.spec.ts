import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compileHere } from './evaluate.js';
import { isTrue } from './expression.js';
import { plain } from './plain.js';
import { uuidFrom } from './uuid-from.js';

async function evaluate(text: string, context: unknown = {}, bindings: Record<string, unknown> = {}): Promise<unknown> {
  const [value] = await compileHere(text)([context], bindings);
  return value;
}

describe('an expression', () => {
  it.each<[string, unknown, unknown]>([
    [
      'items.{"id": id, "n": $args.n}',
      { items: [{ id: 1 }, { id: 2 }] },
      [
        { id: 1, n: 7 },
        { id: 2, n: 7 },
      ],
    ],
    ['items.id', { items: [{ id: 1 }] }, 1],
    ['[items.id]', { items: [{ id: 1 }] }, [1]],
    ['gone', { here: 1 }, undefined],
    ['{"a": gone, "b": null}', {}, { b: null }],
    ['{"f": $sum, "g": function($x){$x}}', {}, {}],
    ['$count(items)', { items: [1, 2, 3] }, 3],
    ['$', [1, 2], [1, 2]],
    ['$base64url("ü?>")', {}, 'w7w_Pg'],
    ['$uuidFrom("a")', {}, uuidFrom('a')],
    ['constructor', {}, undefined],
    ['__proto__', {}, undefined],
    ['a.constructor.constructor', { a: {} }, undefined],
    ['toString', 'text', undefined],
  ])('%s', async (text, context, expected) => {
    expect(await evaluate(text, context, { args: { n: 7 } })).toEqual(expected);
  });

  it.each<[string, string]>([
    ['takes too long', '($f := function($n){ $f($n + 1) }; $f(0))'],
    ['goes too deep', '($f := function($n){ 1 + $f($n + 1) }; $f(0))'],
    ['makes a list that is too long', '[1..9999999]'],
    ['makes a list that is too long', '[1..99999999999]'],
    ['makes a list that is too long', '($f := function($l){ $f($append($l, $l)) }; $f([1..50000]))'],
    ['gives a number that is none', '$number("1e308") * 10'],
    ['gives more than 16777216 characters', '$pad("", 20000000, "x")'],
    ['JSONata T1006', '$eval("1+1")'],
    ['JSONata D3137', '$error("secret " & token)'],
  ])('that %s is ended: %s', async (reason, text) => {
    const failed = evaluate(text, { token: 'kw-canary' });
    await expect(failed).rejects.toThrow(reason.startsWith('gives a number') ? /D1001|number that is none/ : reason);
    await expect(failed).rejects.not.toThrow('kw-canary');
  });

  it('is not taken for a long one because the machine let others run, however often', async () => {
    const clock = new Int32Array(new SharedArrayBuffer(4));
    const context = {
      get a() {
        Atomics.wait(clock, 0, 0, 150);
        return 1;
      },
    };
    expect(await evaluate('a + a + a', context)).toBe(3);
  });

  it('over many contexts leaves the process to others in between', async () => {
    const busy = Array.from({ length: 5 }, () => ({
      get a() {
        for (const until = performance.now() + 30; performance.now() < until;);
        return 1;
      },
    }));
    let turns = 0;
    const count = () => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    await compileHere('a')(busy, {});
    clearImmediate(timer);
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it('is evaluated over many contexts by themselves', async () => {
    expect(await compileHere('n * $k')([{ n: 1 }, { n: 2 }, {}], { k: 10 })).toEqual([10, 20, undefined]);
  });

  it('leaves what it works on as it was, whoever shares it', async () => {
    const context = { items: [{ a: 1 }, { a: 2 }] };
    const before = JSON.stringify(context);
    await evaluate('items ~> |$|{"a": 3, "b": $sum([1..10])}|', context);
    await evaluate('$sort(items, function($l, $r){ $l.a < $r.a })', context);
    expect(JSON.stringify(context)).toBe(before);
  });
});

describe('what an expression gives', () => {
  it('is plain JSON, whatever the value was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        expect(JSON.stringify(plain(value))).toBe(JSON.stringify(value));
      }),
    );
    const hostile: unknown = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
    expect(plain(hostile)).toEqual({ a: 1 });
    expect(Object.getPrototypeOf(plain(hostile))).toBe(Object.prototype);
    expect(plain([undefined, () => 1, Symbol('x'), 1n, 'x'])).toEqual(['x']);
  });

  it('is bounded in depth and number', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100; level++) deep = [deep];
    expect(() => plain(deep)).toThrow('nested deeper');
    expect(() => plain(new Array(600_000).fill(0))).toThrow('more than 500000 values');
  });

  it.each<[unknown, boolean]>([
    [true, true],
    [false, false],
    [undefined, false],
    [null, false],
    [0, false],
    [2, true],
    ['', false],
    ['no', true],
    [[], false],
    [[0, ''], false],
    [[0, 1], true],
    [{}, false],
    [{ a: 0 }, true],
  ])('%j as a condition is %s', (value, expected) => {
    expect(isTrue(value)).toBe(expected);
  });
});

describe('a UUID derived from a text', () => {
  it('is a version 5 one, the same for the same text and another for another', () => {
    expect(uuidFrom('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([uuidFrom('a'), uuidFrom('b')]).toEqual([uuidFrom('a'), expect.not.stringContaining(uuidFrom('a'))]);
  });
});
