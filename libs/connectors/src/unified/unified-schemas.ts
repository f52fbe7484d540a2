import { MAX_CURSOR_LENGTH } from '../paging/cursor.js';
import { listingSchema } from '../tool/check-pagination.js';
import type { Fail } from '../tool/compile-tool.js';
import type { UnifiedDefinition } from './unified-definition.js';
import { CONNECTOR } from './unified-tool.js';

type Schema = Readonly<Record<string, unknown>>;

/** Most items of one call, whatever the connector. */
const MAX_LIMIT = 1_000;

const PAGE_ARGUMENTS = {
  limit: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, description: 'Items wanted' },
  cursor: {
    type: 'string',
    minLength: 1,
    maxLength: MAX_CURSOR_LENGTH,
    description: 'nextCursor of an earlier answer, with the same other arguments',
  },
};

/** Of all arguments, `connector` among them, which one of these must be. */
export function inputSchemaOf(
  { input, list }: UnifiedDefinition,
  connectors: readonly string[],
  fail: Fail,
): Record<string, unknown> {
  const own = membersOf(input['properties']);
  const ours = {
    [CONNECTOR]: { type: 'string', enum: connectors, description: 'Which system it is done in' },
    ...(list ? PAGE_ARGUMENTS : {}),
  };
  const taken = Object.keys(ours).find((name) => Object.hasOwn(own, name));
  if (taken !== undefined) fail(['properties', taken], 'is added by itself');
  const required = Array.isArray(input['required']) ? (input['required'] as unknown[]) : [];
  return { ...input, properties: { ...ours, ...own }, required: [CONNECTOR, ...required], additionalProperties: false };
}

/** Of what is given out: what the connector itself gives stands under `native`. */
export function outputSchemaOf({ output, list }: UnifiedDefinition, fail: Fail): Record<string, unknown> {
  if (output['type'] !== 'object') fail(['type'], 'must be "object"');
  const own = membersOf(output['properties']);
  if (Object.hasOwn(own, 'native')) fail(['properties', 'native'], 'is added by itself');
  const required = Array.isArray(output['required']) ? (output['required'] as unknown[]) : [];
  const properties = { ...own, native: { description: 'What the connector’s own tool gives' } };
  const one = { ...output, properties, required: [...required, 'native'] };
  if (!list) return one;
  const listing = listingSchema();
  return { ...listing, properties: { ...membersOf(listing['properties']), items: { type: 'array', items: one } } };
}

function membersOf(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? (value as Schema) : {};
}
