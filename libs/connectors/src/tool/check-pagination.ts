import type { Into, Pagination } from '../manifest/pagination.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import type { RequestDefinition } from '../manifest/request-definition.js';
import { DEFAULT_LIMIT } from '../paging/compile-paging.js';
import { MAX_CURSOR_LENGTH } from '../paging/cursor.js';
import type { RequestContext } from '../request/context.js';
import type { Fail } from './compile-tool.js';

type Schema = Readonly<Record<string, unknown>>;

const MAX_LIMIT = 1_000;

/** What pagination fills of a request, where that request has such places. */
export function pagedParts(
  pagination: Pagination | undefined,
  request: RequestDefinition | undefined,
  provider: ProviderManifest,
  fail: Fail,
): RequestContext['paged'] {
  if (pagination === undefined || request === undefined) return { query: new Set(), variables: new Set(), needsBody: false };
  const kind = request.kind ?? 'http';
  if (kind === 'mcp') fail([], 'an MCP server has pages of its own');
  if (
    (pagination.style === 'link' || pagination.style === 'url') &&
    !(request.kind !== 'graphql' && request.kind !== 'mcp' && request.method === 'GET')
  )
    fail(['style'], 'an address is followed by GET only');
  if (request.kind !== 'graphql' && request.kind !== 'mcp' && request.url !== undefined) fail([], 'a whole address has no pages');
  const places: [PropertyKey[], Into][] = [];
  if ('into' in pagination) places.push([['into'], pagination.into]);
  if (pagination.size !== undefined) places.push([['size', 'into'], pagination.size.into]);
  for (const [place, into] of places) {
    const fits = kind === 'graphql' ? 'variable' in into : !('variable' in into);
    if (!fits) fail(place, kind === 'graphql' ? 'must be a variable of the document' : 'only a GraphQL document has variables');
    const isTaken =
      'query' in into &&
      (Object.hasOwn(provider.query, into.query) ||
        (provider.credential.in === 'query' && provider.credential.name === into.query));
    if (isTaken) fail(place, 'the connector itself sets this parameter');
  }
  const intos = places.map(([, into]) => into);
  return {
    query: new Set(intos.flatMap((into) => ('query' in into ? [into.query] : []))),
    variables: new Set(intos.flatMap((into) => ('variable' in into ? [into.variable] : []))),
    needsBody: intos.some((into) => 'body' in into),
  };
}

/** The schema with the arguments `limit` and `cursor`, unless it says itself what they are. */
export function withPageArguments(input: Schema, pagination: Pagination | undefined, fail: Fail): Schema {
  if (pagination === undefined) return input;
  const own = typeof input['properties'] === 'object' && input['properties'] !== null ? (input['properties'] as Schema) : {};
  const limit = own['limit'];
  const cursor = own['cursor'];
  if (limit !== undefined && (limit as Schema)['type'] !== 'integer')
    fail(['properties', 'limit', 'type'], 'must be integer: items wanted in all');
  if (cursor !== undefined && (cursor as Schema)['type'] !== 'string')
    fail(['properties', 'cursor', 'type'], 'must be string: nextCursor of the page before');
  const usual = pagination.size?.default ?? DEFAULT_LIMIT;
  const properties = {
    ...own,
    limit: limit ?? { type: 'integer', minimum: 1, maximum: MAX_LIMIT, description: `Items wanted, ${usual} unless given` },
    cursor: cursor ?? {
      type: 'string',
      maxLength: MAX_CURSOR_LENGTH,
      description: 'nextCursor of an earlier answer, with the same other arguments',
    },
  };
  return { ...input, properties };
}

const LISTING = { nextCursor: { type: ['string', 'null'] } };

/** Of the output of a listing where the tool does not say: that it is one. */
export function listingSchema(): Schema {
  return { type: 'object', properties: { items: { type: 'array' }, ...LISTING }, required: ['items', 'nextCursor'] };
}
