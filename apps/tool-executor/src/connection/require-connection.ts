import type { Tool } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { CallConnection, CallCredential } from '@keyward/credentials';
import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';

/** A connection that can be used now. */
export interface UsableConnection {
  id: string;
  generation: number;
  sealedAccess: Buffer;
  accessExpiresAt: Date | null;
  refreshable: boolean;
  scopes: readonly string[];
}

type Parts = Pick<ExecutorParts, 'links' | 'isRevoked'>;

/**
 * A connection of someone else and one that does not exist were never told apart by the query, so neither are they here.
 *
 * @throws KeywardError `connection_required`, `needs_reauthorization`, `missing_scopes`, each with a Connect URL; `revoked`
 */
export async function requireConnection(
  parts: Parts,
  call: Call,
  tool: Tool,
  { connection }: Pick<CallCredential, 'connection'>,
): Promise<UsableConnection> {
  if (connection === null || connection.status === 'pending') throw await connectionRequired(parts, call, tool);
  call.connection = connection.id;
  call.signal.throwIfAborted();
  if (connection.status === 'revoked' || parts.isRevoked(connection.id))
    throw new KeywardError('revoked', 'This connection was disconnected.');
  const { sealedAccess } = connection;
  if (connection.status !== 'active' || sealedAccess === null) throw await needsReauthorization(parts, call, tool, connection);
  const missing = missingScopes(tool, connection.scopes);
  if (missing.length > 0) throw await scopesMissing(parts, call, tool, connection, missing);
  return { ...connection, sealedAccess };
}

/** What is missing of the set that lacks least; nothing where one set is granted whole, or the tool needs none. */
function missingScopes(tool: Tool, granted: readonly string[]): readonly string[] {
  const lacking = tool.scopes.map((set) => set.filter((scope) => !granted.includes(scope)));
  return (
    lacking.reduce<readonly string[] | undefined>(
      (least, set) => (least && least.length <= set.length ? least : set),
      undefined,
    ) ?? []
  );
}

async function connectionRequired({ links }: Parts, call: Call, tool: Tool): Promise<KeywardError> {
  const [needed = []] = tool.scopes;
  return new KeywardError('connection_required', 'The user has not connected an account for this tool yet.', {
    details: await links.create(call, tool.provider, [...tool.provider.auth.scopes.default, ...needed]),
  });
}

export async function needsReauthorization(
  { links }: Parts,
  call: Call,
  tool: Tool,
  connection: Pick<CallConnection, 'scopes'> | UsableConnection,
  cause?: unknown,
): Promise<KeywardError> {
  const [needed = []] = tool.scopes;
  return new KeywardError(
    'needs_reauthorization',
    'The provider no longer accepts this connection; the user must connect again.',
    {
      details: await links.create(call, tool.provider, [...connection.scopes, ...needed]),
      cause,
    },
  );
}

/** @param missing empty where only the provider knows */
export async function scopesMissing(
  { links }: Parts,
  call: Call,
  tool: Tool,
  connection: Pick<CallConnection, 'scopes'> | UsableConnection,
  missing: readonly string[],
): Promise<KeywardError> {
  const link = await links.create(call, tool.provider, [...connection.scopes, ...missing]);
  return new KeywardError('missing_scopes', 'The user’s connection lacks permissions that this tool needs.', {
    details: { ...link, missingScopes: [...missing] },
  });
}
