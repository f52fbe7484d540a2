import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { ApartEvaluator, EXEC_ARGV } from './apart.js';
import { valueOf } from './expression.js';

describe('an expression of a stranger', () => {
  const evaluator = new ApartEvaluator(500);
  const evaluate = (text: string, context: unknown = {}) =>
    valueOf(evaluator.of('acme').evaluator(text), context, { args: { n: 7 } });

  it('gives the same as one that is evaluated here', async () => {
    expect(await evaluate('{"a": x & $args.n, "m": $base64url("?>")}', { x: 'y' })).toEqual({ a: 'y7', m: 'Pz4' });
    expect(await evaluate('$mimeMessage({"to": "a@acme.example", "text": "hi"})')).toContain('To: a@acme.example\r\n');
    await expect(evaluate('$error("kw-canary")')).rejects.toThrow('can not be evaluated (JSONata D3137)');
  });

  it.each<[string, string, string]>([
    ['keeps one function busy', 'takes too long', '$match($pad("", 60, "a") & "!", /^(?:a|a)*$/)'],
    ['never ends', 'takes too long', '($f := function($n){ $f($n + 1) }; $f(0))'],
    ['takes all memory', 'takes too much memory', '$split($pad("", 60000000, "ab"), "")'],
  ])('that %s ends alone, and others go on', async (_what, reason, text) => {
    const patient = new ApartEvaluator(reason.includes('memory') ? 20_000 : 500);
    const run = (each: string) => valueOf(patient.of('acme').evaluator(each), {}, { args: { n: 7 } });
    const [hostile, ...others] = await Promise.allSettled([run(text), run('1 + 1'), run('$args.n')]);
    expect(hostile).toMatchObject({ status: 'rejected', reason: { name: 'ExpressionError', message: reason } });
    expect(others).toEqual([2, 7].map((value) => ({ status: 'fulfilled', value })));
    expect(await run('"again"')).toBe('again');
  });

  it('does not see the process that it is evaluated for, nor would anything that broke out of it', async () => {
    await expect(evaluate('$process')).resolves.toBeUndefined();
    const read = `try { require('node:fs').readFileSync('/proc/${process.pid}/environ'); console.log('read'); } catch (error) { console.log(error.code); }`;
    const { stdout } = spawnSync(process.execPath, [...EXEC_ARGV, '-e', read], { env: {}, encoding: 'utf8' });
    expect(stdout).toBe('ERR_ACCESS_DENIED\n');
  });

  it('waits behind those of others whose own take less', async () => {
    const shared = new ApartEvaluator(400);
    const run = (owner: string, text: string) => valueOf(shared.of(owner).evaluator(text), {}, {});
    await run('hostile', '1');
    const ends: string[] = [];
    const noted = (owner: string, work: Promise<unknown>) => work.catch(() => undefined).then(() => ends.push(owner));
    const hostile = Array.from({ length: 3 }, () =>
      noted('hostile', run('hostile', '$match($pad("", 60, "a") & "!", /^(?:a|a)*$/)')),
    );
    const others = Array.from({ length: 20 }, (_, index) => noted('acme', run('acme', `${index}`)));
    await Promise.all([...hostile, ...others]);
    expect(ends.slice(1, 21)).toEqual(Array(20).fill('acme'));
  });

  it('has no place of its own where too many wait: the owner of most of them loses the last', async () => {
    const shared = new ApartEvaluator(500);
    const run = (owner: string) => valueOf(shared.of(owner).evaluator('1'), {}, {});
    const many = Array.from({ length: 1_001 }, () => run('hostile'));
    const last = many.at(-1);
    expect(await run('acme')).toBe(1);
    await expect(last).rejects.toThrow('behind too many others');
    await Promise.allSettled(many);
  });
});

describe('a schema of a stranger', () => {
  const evaluator = new ApartEvaluator(500);
  const nested = { anyOf: ['a', 'b'].map((title) => ({ title, type: 'array', items: { $ref: '#/$defs/nested' } })) };
  let deep: unknown = 1;
  for (let level = 0; level < 40; level++) deep = [deep];

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['a pattern', { properties: { a: { type: 'string', pattern: '^(a|a)*$' } } }, { a: `${'a'.repeat(60)}!` }],
    ['alternatives inside of each other', { properties: { a: { $ref: '#/$defs/nested' } }, $defs: { nested } }, { a: deep }],
  ])('keeps nobody but itself with %s', async (_what, schema, args) => {
    const check = evaluator.of('hostile').check({ type: 'object', ...schema });
    const [checked, other] = await Promise.allSettled([check(args), evaluator.of('acme').check({ type: 'object' })({})]);
    expect(checked).toMatchObject({ status: 'rejected', reason: { name: 'ExpressionError', message: 'takes too long' } });
    expect(other).toEqual({ status: 'fulfilled', value: [] });
  });

  it('tells the same places as one of the deployment', async () => {
    const check = evaluator.of('acme').check({ type: 'object', properties: { n: { type: 'integer' } }, required: ['n', 'm'] });
    expect(await check({ n: 'x' })).toEqual([
      { pointer: '/m', detail: 'is required' },
      { pointer: '/n', detail: 'must be integer' },
    ]);
  });
});
