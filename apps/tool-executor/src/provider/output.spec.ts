import { describe, expect, it } from '@jest/globals';
import { bounded, errorBody, receivedFrom } from './output.js';

const response = (body: string | Buffer, contentType?: string) => ({
  status: 200,
  headers: contentType === undefined ? {} : { 'content-type': contentType },
  body: Buffer.from(body as string),
});
const output = (body: string | Buffer, contentType?: string) => receivedFrom(response(body, contentType), 'json').answer.body;

describe('an answer', () => {
  it.each<[string, string, unknown]>([
    ['application/json', '{"a":[1,null]}', { a: [1, null] }],
    ['application/json; charset=utf-8', 'null', null],
    ['application/vnd.github+json', '"x"', 'x'],
    ['APPLICATION/JSON', 'false', false],
  ])('of %s is its value', (contentType, body, expected) => {
    expect(output(body, contentType)).toEqual(expected);
  });

  it('is null where there is no body', () => {
    expect(output('', 'application/json')).toBeNull();
  });

  it.each<[string, string | undefined, string | Buffer, unknown]>([
    ['text', 'text/plain', 'héllo', { contentType: 'text/plain', text: 'héllo' }],
    ['HTML that says it is JSON', 'application/json', '<html>', { contentType: 'application/json', text: '<html>' }],
    ['bytes', 'image/png', Buffer.from([0x89, 0x50, 0, 0xff]), { contentType: 'image/png', base64: 'iVAA/w==' }],
    ['no content type', undefined, 'x', { contentType: 'application/octet-stream', text: 'x' }],
    ['not UTF-8', 'text/plain', Buffer.from([0x61, 0xe9]), { contentType: 'text/plain', base64: 'Yek=' }],
    [
      'a prototype key',
      'application/json',
      '{"__proto__":{"x":1}}',
      { contentType: 'application/json', text: '{"__proto__":{"x":1}}' },
    ],
  ])('of %s is wrapped', (_what, contentType, body, expected) => {
    expect(output(body, contentType)).toEqual(expected);
  });

  it('hands on nothing nested so deep that reading it could end a process', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(output(deep, 'application/json')).toEqual({ contentType: 'application/json', text: deep });
  });

  it('is what it is declared to be, whatever the provider calls it', () => {
    const answered = response('{"a":1}', 'application/json');
    expect(receivedFrom(answered, 'text').answer.body).toBe('{"a":1}');
    expect(receivedFrom(answered, 'bytes')).toMatchObject({ answer: { body: Buffer.from('{"a":1}') }, bytes: 7 });
    expect(receivedFrom(response(''), 'bytes')).toMatchObject({ answer: { status: 200, body: null }, bytes: 0 });
  });

  it('is bounded as it will be written', () => {
    expect(bounded({ a: 'x'.repeat(10) }, 100)).toEqual({ a: 'x'.repeat(10) });
    expect(() => bounded({ a: 'x'.repeat(100) }, 100)).toThrow(expect.objectContaining({ code: 'response_too_large' }));
  });

  it('of an error is short', () => {
    expect(errorBody(response('{"message":"no"}', 'application/json'))).toEqual({ message: 'no' });
    const long = errorBody(response(`{"m":"${'é'.repeat(10_000)}"}`, 'application/json')) as { text: string };
    expect(Buffer.byteLength(long.text)).toBeLessThan(4_200);
    expect(errorBody(response(''))).toBeNull();
  });
});
