import { KeywardError } from '@keyward/contracts';
import type { Arguments, RenderedRequest, RenderOptions, Tool } from '../tool/tool.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import type { ToolDefinition } from '../manifest/tool-definition.js';
import type { Fail } from '../tool/compile-tool.js';
import { assertFieldValue, checkHeaderName } from './header-fields.js';
import { assertMemberAbsent, checkCredentialMember, checkQueryName, fixedMembers, fixedParts } from './fixed-parts.js';
import { compileMapping, type Declared, type Mapped } from './mapping.js';
import { compilePathTemplate } from './path-template.js';
import { encodeQuery } from './query.js';

const MAX_URL_LENGTH = 8_192;

type Schema = Readonly<Record<string, unknown>>;

/** Compiles `request` of a tool; the result does no parsing and no look-up by pattern. */
export function compileRequest(
  definition: ToolDefinition,
  provider: ProviderManifest,
  input: Schema,
  fail: Fail,
): Tool['render'] {
  const { method, path, query, headers, body } = definition.request;
  const declared = declaredArguments(input);
  const at =
    (...place: PropertyKey[]) =>
    (path: readonly PropertyKey[], detail: string) =>
      fail(['request', ...place, ...path], detail);

  const template = compilePathTemplate(path, (detail) => fail(['request', 'path'], detail));
  for (const name of template.names) checkPathArgument(name, input, declared, at('path'));
  const compileMembers = (of: Readonly<Record<string, unknown>>, place: string): [string, Mapped][] =>
    Object.entries(of).map(([name, value]) => [name, compileMapping(value, declared, at(place, name))]);
  const queryMembers = compileMembers(query, 'query');
  const headerMembers = compileMembers(headers, 'headers');
  for (const name of Object.keys(headers)) checkHeaderName(name, provider, at('headers', name));
  for (const name of Object.keys(query)) checkQueryName(name, provider, at('query', name), true);
  const credentialMember = provider.credential.in === 'body' ? provider.credential.name : undefined;
  if (credentialMember !== undefined) checkCredentialMember(credentialMember, body, declared.names, at('body'));
  if (body !== undefined && method === 'GET') fail(['request', 'body'], 'a GET has no body');
  const mappedBody = body === undefined ? undefined : compileMapping(body, declared, at('body'));
  const unused = [...declared.names].find((name) => !declared.used.has(name));
  if (unused !== undefined) fail(['input', 'properties', unused], 'the request does not use this argument');

  const idempotencyHeader = definition.idempotency === 'none' ? undefined : definition.idempotency.header;
  if (idempotencyHeader !== undefined) {
    checkHeaderName(idempotencyHeader, provider, (_place, detail) => fail(['idempotency', 'header'], detail));
  }
  const constant: Record<string, string> = { accept: 'application/json' };
  if (mappedBody !== undefined) constant['content-type'] = 'application/json';

  return (args: Arguments, options: RenderOptions): RenderedRequest => {
    const { base_url: base, headers: fixedHeaders, query: fixedQuery } = fixedParts(options.provider ?? provider);
    const url = renderUrl(base, template.expand(args), [...fixedMembers(fixedQuery), ...queryMembers], args);
    const rendered: Record<string, string> = { ...constant, ...fixedHeaders };
    for (const [name, mapped] of headerMembers) {
      const value = mapped(args);
      if (value !== undefined && value !== null) rendered[name] = assertFieldValue(name, value);
    }
    if (idempotencyHeader !== undefined && options.idempotencyKey !== undefined)
      rendered[idempotencyHeader] = options.idempotencyKey;
    const content = mappedBody?.(args);
    if (credentialMember !== undefined) assertMemberAbsent(content, credentialMember);
    return { method, url, headers: rendered, body: mappedBody === undefined ? undefined : JSON.stringify(content) };
  };
}

function declaredArguments(input: Schema): Declared {
  const properties = input['properties'];
  const names = typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];
  return { names: new Set(names), open: input['additionalProperties'] !== false, used: new Set() };
}

/** What stands in the path must always be there, and be one scalar. */
function checkPathArgument(name: string, input: Schema, declared: Declared, fail: Fail): void {
  if (!declared.names.has(name)) fail([], `there is no argument "${name}"`);
  if (!Array.isArray(input['required']) || !input['required'].includes(name)) fail([], `the argument "${name}" must be required`);
  declared.used.add(name);
}

/**
 * The last word on where the request goes: whatever the parts were, the URL parser must find base_url's origin and path in front,
 * and nothing to normalise behind.
 */
function renderUrl(base: string, path: string, query: readonly [string, Mapped][], args: Arguments): string {
  const expected = `${base}${path}`;
  const text = expected + encodeQuery(query, args);
  if (text.length > MAX_URL_LENGTH) {
    throw new KeywardError('invalid_arguments', `The arguments make an address longer than ${MAX_URL_LENGTH} characters.`);
  }
  if (!URL.canParse(text) || new URL(text).href !== text) {
    throw new KeywardError('invalid_arguments', 'The arguments make an address that leads outside of what this tool may reach.');
  }
  return text;
}
