import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { ImportError } from '../import-error.js';
import { isNode, own, type Node } from '../node.js';
import { boundedFetch } from './bounded-fetch.js';
import { parseText } from './parse-text.js';

const MAX_BYTES = 64 * 1_048_576;

export type SourceKind = 'openapi' | 'graphql' | 'mcp';

/** What was read, not yet understood. */
export type Source =
  | { readonly kind: 'openapi'; readonly document: Node; readonly address: string | undefined; readonly sha256: string }
  | { readonly kind: 'sdl'; readonly text: string; readonly address: string | undefined; readonly sha256: string }
  | { readonly kind: 'introspection'; readonly document: Node; readonly address: string | undefined; readonly sha256: string }
  /** An address that has to be asked in its own protocol. */
  | { readonly kind: 'graphql-endpoint' | 'mcp'; readonly address: string };

/**
 * @param source a file, or an https address of a description, a GraphQL endpoint or an MCP server
 * @param kind what it is; left out, it is told from what is there
 * @throws ImportError
 */
export async function readSource(source: string, kind: SourceKind | undefined): Promise<Source> {
  if (!/^https?:\/\//i.test(source)) return understood(await readLocal(source), source, undefined);
  if (!URL.canParse(source)) throw new ImportError(`${source} is no address.`, 'Name a file or an https address.');
  const { username, password, pathname } = new URL(source);
  if (username !== '' || password !== '')
    throw new ImportError(
      'The address holds a user name or a password.',
      'Leave it out, and name the variable that holds a token: --token-env NAME',
    );
  const isFile = /\.(?:json|ya?ml|graphqls?|gql|gz)$/i.test(pathname);
  if (kind === 'mcp') return { kind: 'mcp', address: source };
  if (kind === 'graphql' && !isFile) return { kind: 'graphql-endpoint', address: source };
  if (kind === undefined && !isFile && /\/graphql\/?$/i.test(pathname)) return { kind: 'graphql-endpoint', address: source };
  if (kind === undefined && !isFile && /(?:^|\/)(?:mcp|sse)\/?$/i.test(pathname)) return { kind: 'mcp', address: source };
  const answer = await boundedFetch(source, MAX_BYTES, {
    headers: { accept: 'application/json, application/yaml;q=0.9, */*;q=0.5' },
  });
  if (answer.status !== 200)
    throw new ImportError(
      `${source} answers with status ${answer.status}.`,
      'See that the address is right; of a GraphQL endpoint or an MCP server, say --kind graphql or --kind mcp.',
    );
  return understood(answer.bytes, source, answer.url);
}

async function readLocal(file: string): Promise<Uint8Array> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) throw new ImportError(`There is no file ${file}.`, 'Name a file or an https address.');
  if (found.size > MAX_BYTES)
    throw new ImportError(`${file} is larger than ${MAX_BYTES} bytes.`, 'Import a smaller description.');
  return readFile(file);
}

function understood(read: Uint8Array, name: string, address: string | undefined): Source {
  const bytes = inflated(read, name);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const text = new TextDecoder().decode(bytes);
  if (looksLikeSdl(text, name)) return { kind: 'sdl', text, address, sha256 };
  const document = parseText(text, name);
  if (!isNode(document)) throw notKnown(name);
  if (own(document, 'openapi') !== undefined || own(document, 'swagger') !== undefined)
    return { kind: 'openapi', document, address, sha256 };
  const schema = own(document, '__schema') ?? own(own(document, 'data'), '__schema');
  if (isNode(schema)) return { kind: 'introspection', document: { __schema: schema }, address, sha256 };
  throw notKnown(name);
}

function inflated(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    throw new ImportError(
      `${name} can not be unpacked, or is larger than ${MAX_BYTES} bytes.`,
      'Unpack it yourself, and import that.',
      { cause },
    );
  }
}

function looksLikeSdl(text: string, name: string): boolean {
  if (/\.(?:graphqls?|gql)(?:\.gz)?$/i.test(name)) return true;
  return (
    !/^\s*[[{]/.test(text) &&
    /^\s*(?:type\s+\w+|schema)\b[^:\n]*\{\s*$/m.test(text.slice(0, 1_000_000)) &&
    !/^(?:openapi|swagger)\s*:/m.test(text)
  );
}

function notKnown(name: string): ImportError {
  return new ImportError(
    `${name} is neither an OpenAPI or Swagger description nor a GraphQL schema.`,
    'Of a GraphQL endpoint or an MCP server, say --kind graphql or --kind mcp.',
  );
}
