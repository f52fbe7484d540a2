import { userPass } from '../credential.js';
import type { EgressRequest } from '../egress.js';
import { EgressError } from '../egress-error.js';

/** What is sent, with the credential in it. */
export interface Injected {
  /** Path and query. */
  path: string;
  body: string | Buffer | undefined;
  /** Lower-case name and value; undefined where the credential is not in a header. */
  header: readonly [name: string, value: string] | undefined;
  /** The body is ours: the caller named no content type for it. */
  bodyAdded: boolean;
}

/** @throws EgressError `internal` where the secret can not stand there; nothing was sent */
export function inject(
  url: URL,
  { body, headers, credential }: Pick<EgressRequest, 'body' | 'headers' | 'credential'>,
): Injected {
  const plain: Injected = { path: url.pathname + url.search, body, header: undefined, bodyAdded: false };
  if (credential === undefined) return plain;
  if (credential.secret === '' || !credential.secret.isWellFormed()) throw unusable('sent');
  switch (credential.in) {
    case 'header':
      return { ...plain, header: [credential.name, fieldValue(credential.prefix + credential.secret)] };
    case 'basic':
      return { ...plain, header: ['authorization', `Basic ${encoded(userPass(credential))}`] };
    case 'query':
      return { ...plain, path: url.pathname + withMember(url.search, credential) };
    case 'body':
      return { ...plain, body: withBodyMember(body, headers, credential), bodyAdded: body === undefined };
  }
}

/** RFC 9110 section 5.5: visible ASCII and spaces. A token with a line break in it is a provider's fault or an attack. */
function fieldValue(value: string): string {
  if (/^[\x20-\x7e]+$/.test(value)) return value;
  throw unusable('sent in a header');
}

/** RFC 7617 section 2: control characters are not allowed; UTF-8 is what it recommends. */
function encoded(text: string): string {
  if (/\p{Cc}/u.test(text)) throw unusable('sent as user name and password');
  return Buffer.from(text).toString('base64');
}

/** However the name is spelled there, it is not there twice. */
function withMember(search: string, { name, secret }: { name: string; secret: string }): string {
  const isOther = (member: string) => member !== '' && !new URLSearchParams(member).has(name);
  const others = search.slice(1).split('&').filter(isOther);
  return `?${[...others, `${name}=${encodeURIComponent(secret)}`].join('&')}`;
}

function withBodyMember(
  body: string | Buffer | undefined,
  headers: EgressRequest['headers'],
  { name, secret }: { name: string; secret: string },
): string {
  const content = body === undefined ? {} : isJson(headers) && typeof body === 'string' ? parsed(body) : undefined;
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw unusable('put into this body');
  return JSON.stringify({ ...content, [name]: secret });
}

/** A form, or a file that happens to be JSON, is not ours to write into. */
function isJson(headers: EgressRequest['headers']): boolean {
  const [, type] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type') ?? [];
  return type === undefined || /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Its message would quote the body.
    throw unusable('put into this body');
  }
}

function unusable(how: string): EgressError {
  return new EgressError('internal', `The stored credential can’t be ${how}.`, false);
}
