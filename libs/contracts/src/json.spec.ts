import { describe, expect, it } from '@jest/globals';
import { KeywardError } from './errors.js';
import { parseBoundedJson } from './json.js';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('parseBoundedJson', () => {
  it('parses what is within bounds, brackets inside strings not counted', () => {
    expect(parseBoundedJson(bytes('{"a":["[[[[\\"["]}'), { maxBytes: 100, maxDepth: 2 })).toEqual({ a: ['[[[["['] });
  });

  it.each([
    ['too large', `"${'x'.repeat(200)}"`, 'request_too_large'],
    ['too deep', '['.repeat(200), 'invalid_request'],
    ['not JSON', '{"a":', 'invalid_request'],
    ['a prototype key', '{"__proto__":{"admin":true}}', 'invalid_request'],
    ['an escaped prototype key', '{"\\u005f_proto__":{"admin":true}}', 'invalid_request'],
  ])('refuses what is %s, without quoting it', (_what, text, code) => {
    const attempt = () => parseBoundedJson(bytes(text), { maxBytes: 150, maxDepth: 10 });
    const bounds = text.length > 150 && code === 'invalid_request' ? { maxBytes: 1000, maxDepth: 10 } : undefined;
    const run = bounds === undefined ? attempt : () => parseBoundedJson(bytes(text), bounds);
    expect(run).toThrow(KeywardError);
    expect(run).toThrow(expect.objectContaining({ code }));
  });

  it('gives integers that a number does not hold as text, where that is asked for', () => {
    const text = '{"id":17841400000000001,"n":[-9007199254740993,9007199254740991,1.5e300,0.125],"s":"12345678901234567"}';
    const bounds = { maxBytes: 1_000, maxDepth: 10 };
    expect(parseBoundedJson(bytes(text), { ...bounds, longIntegersAsText: true })).toEqual({
      id: '17841400000000001',
      n: ['-9007199254740993', 9007199254740991, 1.5e300, 0.125],
      s: '12345678901234567',
    });
    expect(() =>
      parseBoundedJson(bytes('{"a":1234567890123456789,"__proto__":1}'), { ...bounds, longIntegersAsText: true }),
    ).toThrow('__proto__');
    expect(parseBoundedJson(bytes('[9007199254740993]'), bounds)).toEqual([9007199254740992]);
  });

  it('refuses invalid UTF-8', () => {
    expect(() => parseBoundedJson(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });
});
