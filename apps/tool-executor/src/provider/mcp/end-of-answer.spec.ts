import { describe, expect, it } from '@jest/globals';
import { endOfAnswer } from './end-of-answer.js';

const STREAM = { 'content-type': 'text/event-stream; charset=utf-8' };
const RESPONSE = '{"jsonrpc":"2.0","id":1,"result":{"text":"zwölf"}}';

/** Position after which the answer is there, the text given in pieces of so many bytes. */
function endIn(text: string, size: number, headers: Record<string, string> = STREAM): number | undefined {
  const isLast = endOfAnswer();
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; from += size) {
    if (isLast(bytes.subarray(from, from + size), headers)) return Math.min(bytes.length, from + size);
  }
  return undefined;
}

describe('the end of an answer in a stream of events', () => {
  it.each(['\n', '\r\n', '\r'])('is found wherever the pieces are cut, with lines that end in %j', (end) => {
    const lines = [': hello', 'event: message', 'id: 7', `data: {"jsonrpc":"2.0","method":"notifications/progress"}`, ''];
    const [head, tail] = [RESPONSE.slice(0, 16), RESPONSE.slice(16)];
    const whole = [...lines, `data: ${head}`, `data: ${tail}`, '', ''].join(end).slice(0, end === '\r\n' ? -1 : undefined);
    const bytes = Buffer.byteLength(whole);
    for (let size = 1; size <= bytes; size++) expect(endIn(whole, size)).toBeGreaterThanOrEqual(bytes - size);
    expect(endIn(whole.slice(0, -4), 3)).toBeUndefined();
  });

  it.each<[string, string]>([
    ['a request of the server', 'data: {"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}\n\n'],
    ['what is no JSON', 'data: result\n\ndata: {"error"\n\n'],
    ['an event without data', 'event: result\n\n\n\n'],
    ['data that is no object', 'data: null\n\ndata: 1\n\n'],
  ])('is not %s', (_what, text) => {
    expect(endIn(text, 5)).toBeUndefined();
  });

  it('is nowhere in what is no such stream, or is packed', () => {
    const text = `data: ${RESPONSE}\n\n`;
    expect(endIn(text, 9)).toBeDefined();
    expect(endIn(text, 9, { 'content-type': 'application/json' })).toBeUndefined();
    expect(endIn(text, 9, { ...STREAM, 'content-encoding': 'gzip' })).toBeUndefined();
  });

  it('costs no more than the text is long, however small its pieces are', () => {
    const began = performance.now();
    expect(endIn(`data: ${'x'.repeat(1_000_000)}`, 1)).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
