import { KeywardError, parseBoundedJson } from '@keyward/contracts';
import { vendorSentence } from '../vendor-sentence.js';

/**
 * What a tool of an MCP server gave: its structured content; without one its texts, parsed where they are a JSON object or list; where
 * there is anything but text, the content as it is.
 *
 * @param body what callMcpTool answered
 * @throws KeywardError `provider_error` where the tool, or the server for it, reports an error
 */
export function mcpResult(body: unknown): unknown {
  if (!isObject(body)) return body;
  const { error, isError, structuredContent, content } = body;
  if (isObject(error)) throw toolFailed(String(error['message']));
  const text = textOf(content);
  if (isError === true) throw toolFailed(text ?? 'it does not say why');
  if (structuredContent !== undefined) return structuredContent;
  return text === undefined ? (content ?? null) : jsonOf(text);
}

function toolFailed(why: string): KeywardError {
  return new KeywardError('provider_error', `The MCP server’s tool reports an error: ${vendorSentence(why)}`);
}

/** Undefined where there is anything but text. */
function textOf(content: unknown): string | undefined {
  if (!Array.isArray(content) || content.length === 0) return undefined;
  const texts = content.map((item: unknown) => (isObject(item) && item['type'] === 'text' ? item['text'] : undefined));
  return texts.every((text) => typeof text === 'string') ? texts.join('\n') : undefined;
}

function jsonOf(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return parseBoundedJson(Buffer.from(text));
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
