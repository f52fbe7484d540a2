import { isObject, type Schema } from '../schema.js';
import type { Media, Operation } from './contract.js';
import type { SentRequest } from './judge-request.js';
import { parsed } from './texts.js';
import type { VendorContract } from './vendor-contract.js';

/** What is wrong with the body: its presence, its media type, and of JSON and forms what it says. */
export async function judgeBody(
  contract: VendorContract,
  { requestBody: described, 'x-null-clears': nullClears }: Operation,
  { headers, body }: SentRequest,
): Promise<string[]> {
  const sent = body !== undefined && body.length > 0;
  if (described === undefined) return sent ? ['body: this operation takes none'] : [];
  if (!sent) return described.required === true ? ['body: is required'] : [];
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const media = mediaOf(described.content, type);
  if (media === undefined)
    return [`body: is ${type || 'of no type'}, and must be ${Object.keys(described.content).join(' or ')}`];
  const { schema } = media;
  if (schema === undefined) return [];
  if (type.includes('json')) {
    const value = parsed(body.toString());
    return prefixed(contract.ofRequest(schema)(nullClears === true ? withoutNulls(value) : value));
  }
  if (type === 'application/x-www-form-urlencoded')
    return judgeForm(contract, media, schema, new URLSearchParams(body.toString()));
  if (type === 'multipart/form-data')
    return judgeForm(contract, media, schema, await multipart(headers['content-type'] ?? '', body));
  return [];
}

function mediaOf(content: NonNullable<Operation['requestBody']>['content'], type: string): Media | undefined {
  const [group = ''] = type.split('/');
  const fitting = Object.keys(content).find((name) => name.split(';')[0]?.toLowerCase() === type);
  const wild =
    fitting ??
    Object.keys(content).find((name) => name === `${group}/*` || name === '*/*' || name === 'application/octet-stream');
  return wild === undefined ? undefined : content[wild];
}

/** Fields are texts: each is read as a text, or as what it says where its schema takes no text. */
function judgeForm(contract: VendorContract, { encoding = {} }: Media, schema: Schema, fields: URLSearchParams): string[] {
  const check = contract.ofRequest(schema);
  const texts = Object.fromEntries(
    [...fields].map(([name, text]) => [name, encoding[name] === undefined || text.startsWith('[') ? text : text.split(',')]),
  );
  const problems = check(texts);
  if (problems.length === 0) return [];
  const misread = new Set(problems.map((problem) => /^\/([^/:]+)/.exec(problem)?.[1]));
  const read = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, misread.has(name) ? readText(text) : text]));
  const all = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, readText(text)]));
  const found = prefixed(check(read));
  return found.length === 0 || check(all).length === 0 ? [] : found;
}

const readText = (value: string | string[]): unknown => (typeof value === 'string' ? parsed(value) : value.map(parsed));

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, withoutNulls(member)]),
  );
}

/** Of files, that they are there. */
async function multipart(type: string, body: Buffer | string): Promise<URLSearchParams> {
  const form = await new Response(body, { headers: { 'content-type': type } }).formData();
  const texts = new URLSearchParams();
  for (const [name, value] of form) texts.append(name, typeof value === 'string' ? value : (value as File).name);
  return texts;
}

const prefixed = (problems: readonly string[]) => problems.map((problem) => `body ${problem}`);
