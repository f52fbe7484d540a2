import { describe, expect, it } from '@jest/globals';
import { ApartEvaluator } from './apart.js';
import { valueOf } from './expression.js';

describe('an expression of a stranger', () => {
  const evaluator = new ApartEvaluator(500);
  const evaluate = (text: string, context: unknown = {}) => valueOf(evaluator.compile(text), context, { args: { n: 7 } });

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
    const run = (each: string) => valueOf(patient.compile(each), {}, { args: { n: 7 } });
    const [hostile, ...others] = await Promise.allSettled([run(text), run('1 + 1'), run('$args.n')]);
    expect(hostile).toMatchObject({ status: 'rejected', reason: { name: 'ExpressionError', message: reason } });
    expect(others).toEqual([2, 7].map((value) => ({ status: 'fulfilled', value })));
    expect(await run('"again"')).toBe('again');
  });

  it('does not see the process that it is evaluated for', async () => {
    await expect(evaluate('$process')).resolves.toBeUndefined();
  });
});
