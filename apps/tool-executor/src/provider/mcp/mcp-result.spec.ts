import { describe, expect, it } from '@jest/globals';
import { mcpResult } from './mcp-result.js';

const text = (...texts: string[]) => texts.map((each) => ({ type: 'text', text: each }));

describe('what a tool of an MCP server gives', () => {
  it.each<[string, unknown, unknown]>([
    ['its structured content', { content: text('x'), structuredContent: { a: 1 } }, { a: 1 }],
    ['structured content that is no object', { content: [], structuredContent: [] }, []],
    ['the JSON in its text', { content: text('{"a":', '1}') }, { a: 1 }],
    ['its text', { content: text('hello', 'you') }, 'hello\nyou'],
    ['text that only looks like JSON', { content: text('[not') }, '[not'],
    ['text with a key that reaches a prototype', { content: text('{"__proto__":{}}') }, '{"__proto__":{}}'],
    ['a number, which is text', { content: text('12') }, '12'],
    ['its content where not all is text', { content: [{ type: 'image', data: 'eA==' }] }, [{ type: 'image', data: 'eA==' }]],
    ['nothing', { content: [] }, []],
    ['nothing at all', {}, null],
  ])('is %s', (_what, body, expected) => {
    expect(mcpResult(body)).toEqual(expected);
  });

  it.each<[string, unknown, string]>([
    ['the tool', { isError: true, content: text('Not today'), structuredContent: { a: 1 } }, 'reports an error: Not today'],
    ['a tool without words', { isError: true, content: [] }, 'it does not say why'],
    ['the server', { error: { code: -32602, message: 'No such\r\ntool' } }, 'No such\\u{d}\\u{a}tool'],
    ['a long one', { isError: true, content: text('y'.repeat(9_000)) }, `${'y'.repeat(499)}…`],
  ])('is an error where %s reports one', (_who, body, sentence) => {
    expect(() => mcpResult(body)).toThrow(
      expect.objectContaining({ code: 'provider_error', message: expect.stringContaining(sentence) }),
    );
  });
});
