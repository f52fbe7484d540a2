import { resolveProvider, type ProviderManifest, type Tool } from '@keyward/connectors';
import { KeywardError, type ConnectionKind } from '@keyward/contracts';
import type { CallConnection, CallCredential, SealedClientCertificate, Validity } from '@keyward/credentials';
import type { Call } from '../execute/call.js';
import { DEFAULT_ALIAS } from '../execute/call-query.js';
import type { ExecutorParts } from '../execute/parts.js';
import { connectionRequired, needsReauthorization, scopesMissing } from './refusals.js';

/** A connection that can be used now. */
export interface UsableConnection extends Validity {
  /** Null: the provider asks for none, and there is none. */
  id: string | null;
  kind: ConnectionKind;
  alias: string;
  scopes: readonly string[];
  parameters: Record<string, string>;
  /** With what differs per connection filled in. */
  provider: ProviderManifest;
  generation: number;
  /** Null: the provider asks for no credential. */
  sealedAccess: Buffer | null;
  refreshable: boolean;
  /** What requests show in the TLS handshake; null: the provider does not ask for it. */
  clientCertificate: SealedClientCertificate | null;
}

type Parts = Pick<ExecutorParts, 'links' | 'isRevoked'>;

/**
 * A connection of someone else and one that does not exist were never told apart by the query, so neither are they here.
 *
 * @throws KeywardError `connection_required`, `needs_reauthorization`, `missing_scopes`, each with a Connect URL where the user can help;
 * `revoked`; `invalid_request` where what differs per connection is missing or leads elsewhere, or the registration lacks the certificate
 * that the provider wants to see
 */
export async function requireConnection(
  parts: Parts,
  call: Call,
  tool: Tool,
  { connection }: Pick<CallCredential, 'connection'>,
): Promise<UsableConnection> {
  const { provider } = tool;
  if (connection === null && needsNone(provider)) return anonymous(provider);
  if (connection === null || connection.status === 'pending') throw await connectionRequired(parts.links, call, tool);
  call.connection = { id: connection.id, kind: connection.kind };
  call.signal.throwIfAborted();
  if (connection.status === 'revoked' || parts.isRevoked(call))
    throw new KeywardError('revoked', 'This connection was disconnected.');
  const sealedAccess = provider.auth.kind === 'none' ? null : connection.sealedAccess;
  const isUsable = connection.status === 'active' && (sealedAccess !== null || provider.auth.kind === 'none');
  if (!isUsable) throw await needsReauthorization(parts.links, call, tool, connection);
  const missing = missingScopes(tool, connection.scopes);
  if (missing.length > 0) throw await scopesMissing(parts.links, call, tool, connection, missing);
  const clientCertificate = certificateFor(provider, connection);
  return { ...connection, sealedAccess, clientCertificate, provider: resolved(provider, connection) };
}

function certificateFor(
  { client_certificate, title }: ProviderManifest,
  { clientCertificate }: CallConnection,
): SealedClientCertificate | null {
  if (!client_certificate) return null;
  if (clientCertificate !== null) return clientCertificate;
  const lack = `The registration at ${title} has no client certificate, and that provider needs one`;
  throw new KeywardError('invalid_request', `${lack}; an admin must add it.`);
}

/** Nothing to authorize with, and nothing that differs from one connection to the next. */
function needsNone({ auth, connection_parameters }: ProviderManifest): boolean {
  return (
    auth.kind === 'none' && !Object.values(connection_parameters).some((each) => each.required && each.default === undefined)
  );
}

function anonymous(provider: ProviderManifest): UsableConnection {
  return {
    ...{ id: null, kind: 'agent', alias: DEFAULT_ALIAS, scopes: [], parameters: {}, provider: resolveProvider(provider, {}) },
    ...{ generation: 0, sealedAccess: null, accessExpiresInMs: null, readAt: 0, refreshable: false, clientCertificate: null },
  };
}

function resolved(provider: ProviderManifest, { parameters, clientId, appParameters }: CallConnection): ProviderManifest {
  return resolveProvider(provider, { connection: parameters, app: appParameters, ...(clientId === null ? {} : { clientId }) });
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
