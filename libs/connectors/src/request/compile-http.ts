import type { HttpRequest } from '../manifest/request-definition.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import type { Fail } from '../tool/compile-tool.js';
import type { ReadAs, RenderedRequest } from '../tool/tool.js';
import { addressBelow, addressTold } from './address.js';
import { compileBody, type Content, type RenderedBody } from './body.js';
import { placementOf, type CompiledRequest, type RequestContext } from './context.js';
import { checkQueryName, fixedParts } from './fixed-parts.js';
import { compileHeaders } from './headers.js';
import { inside, MappingCompiler, type Inputs } from './mapping.js';
import { compilePath } from './path.js';
import { withValues } from './placement.js';
import { pairsOf, type Member } from './query.js';

const ACCEPT: Record<ReadAs, string> = { json: 'application/json', text: 'text/*, */*;q=0.5', bytes: '*/*' };

interface Parts {
  query: readonly Member[];
  headers: (inputs: Inputs) => Record<string, string>;
  body: RenderedBody | undefined;
}

export function compileHttp(request: HttpRequest, context: RequestContext, fail: Fail): CompiledRequest {
  const { provider, declared, steps } = context;
  const isRead = request.method === 'GET';
  const mappings = new MappingCompiler(declared, steps, [], context.hasItem);
  const body = compileBody(request, mappings, provider, fail);
  if (context.paged.needsBody && request.body === undefined) fail(['body'], 'is missing: pagination puts something into it');
  checkContentType(request, fail);
  for (const name of Object.keys(request.query)) {
    checkQueryName(name, provider, inside(name, inside('query', fail)), true);
    if (context.paged.query.has(name)) fail(['query', name], 'pagination sets this parameter');
  }
  const parts: Parts = {
    query: mappings.compileMembers(request.query, inside('query', fail)),
    headers: compileHeaders(request.headers, context, mappings, inside('headers', fail), isRead),
    body,
  };
  return request.url === undefined
    ? { pathTemplate: request.path as string, isRead, render: renderBelowBase(request, context, mappings, parts, fail) }
    : { pathTemplate: '{url}', isRead, render: renderTold(request, provider, mappings, parts, fail) };
}

function renderBelowBase(
  { method, base, path = '', params, response: readAs }: HttpRequest,
  context: RequestContext,
  mappings: MappingCompiler,
  { query, headers, body }: Parts,
  fail: Fail,
): CompiledRequest['render'] {
  checkBase(base, context.provider, fail);
  const pathOf = compilePath(path, params, context, mappings, fail);
  return async (scope, page): Promise<RenderedRequest> => {
    const inputs = await mappings.inputs(scope);
    const fixed = fixedParts(scope.provider, base);
    const placed = placementOf(context, page);
    // Where a next page has a path of its own, its address is complete.
    const own = placed.path === undefined ? [...pairsOf(query, inputs, 'query parameter')] : [];
    // What a cursor says anybody may have made up: it adds to the request and changes nothing of it.
    const added = placed.query.filter(([name]) => !own.some(([taken]) => taken === name));
    const pairs = [...Object.entries(fixed.query), ...own, ...added];
    const content = await body?.(inputs, placed.body.length === 0 ? undefined : (document) => withValues(document, placed.body));
    return {
      method,
      url: addressBelow(fixed.base, placed.path ?? pathOf(inputs), pairs),
      headers: { accept: ACCEPT[readAs], ...jsonType(content), ...fixed.headers, ...otherType(content), ...headers(inputs) },
      body: content?.data,
      credential: true,
      readAs,
    };
  };
}

/** Nothing of the connector's own goes along: what answers at that address may be another server than the API. */
function renderTold(
  { method, url, response: readAs }: HttpRequest,
  provider: ProviderManifest,
  mappings: MappingCompiler,
  { query, headers, body }: Parts,
  fail: Fail,
): CompiledRequest['render'] {
  if (typeof url === 'string' && !url.startsWith('$')) checkLiteral(url, provider, inside('url', fail));
  const mapped = mappings.compile(url, inside('url', fail));
  return async (scope): Promise<RenderedRequest> => {
    const inputs = await mappings.inputs(scope);
    const content = await body?.(inputs);
    return {
      method,
      url: addressTold(mapped(inputs), scope.provider, pairsOf(query, inputs, 'query parameter')),
      headers: { accept: ACCEPT[readAs], ...jsonType(content), ...otherType(content), ...headers(inputs) },
      body: content?.data,
      credential: false,
      readAs,
    };
  };
}

const JSON_TYPE = 'application/json';

/** A connector may call its JSON something else. */
function jsonType(content: Content | undefined): Record<string, string> {
  return content?.type === JSON_TYPE ? { 'content-type': JSON_TYPE } : {};
}

function otherType(content: Content | undefined): Record<string, string> {
  return content === undefined || content.type === JSON_TYPE ? {} : { 'content-type': content.type };
}

export function checkBase(base: string | undefined, { bases }: ProviderManifest, fail: Fail): void {
  if (base !== undefined && !Object.hasOwn(bases, base)) fail(['base'], `the connector has no base "${base}"`);
}

function checkLiteral(url: string, { origins }: ProviderManifest, fail: Fail): void {
  if (!URL.canParse(url)) fail([], 'is no address');
  if (!origins.includes(new URL(url).origin)) fail([], 'has an origin that the connector does not name');
}

/** Only what stands in a JSON body or an upload may be called something else. */
function checkContentType({ headers, form, multipart, upload }: HttpRequest, fail: Fail): void {
  if (!Object.hasOwn(headers, 'content-type')) return;
  if (form !== undefined || multipart !== undefined) fail(['headers', 'content-type'], 'follows from the kind of body');
  if (upload !== undefined) fail(['headers', 'content-type'], 'stands under upload.type');
}
