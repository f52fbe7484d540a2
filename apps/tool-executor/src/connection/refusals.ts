import type { ProviderManifest, Tool } from '@keyward/connectors';
import { KeywardError, type ConnectionKind } from '@keyward/contracts';
import type { Call } from '../execute/call.js';
import type { ConnectLinks } from './connect-links.js';

/** What a new authorization of a connection must be like, so that it takes the place of the one before. */
interface Existing {
  kind: ConnectionKind;
  alias: string;
  scopes: readonly string[];
  parameters: Record<string, string>;
}

export async function connectionRequired(links: ConnectLinks, call: Call, tool: Tool): Promise<KeywardError> {
  return new KeywardError('connection_required', 'The user has not connected an account for this tool yet.', {
    details: await links.create(call, tool.provider, { scopes: [...tool.provider.auth.scopes.default, ...neededBy(tool)] }),
  });
}

export async function needsReauthorization(
  links: ConnectLinks,
  call: Call,
  tool: Tool,
  connection: Existing,
  cause?: unknown,
): Promise<KeywardError> {
  const what = 'The provider no longer accepts this connection';
  const who =
    connection.kind === 'workspace'
      ? 'it belongs to the workspace, so an admin must authorize it again'
      : 'the user must connect again';
  return new KeywardError('needs_reauthorization', `${what}; ${who}.`, {
    details: await linkFor(links, call, tool, connection, []),
    cause,
  });
}

/** @param missing empty where only the provider knows */
export async function scopesMissing(
  links: ConnectLinks,
  call: Call,
  tool: Tool,
  connection: Existing,
  missing: readonly string[],
): Promise<KeywardError> {
  const link = await linkFor(links, call, tool, connection, missing);
  const sentence =
    connection.kind === 'workspace'
      ? 'The workspace’s connection lacks permissions that this tool needs; an admin must authorize it again with them.'
      : 'The user’s connection lacks permissions that this tool needs.';
  return new KeywardError('missing_scopes', sentence, { details: { ...link, missingScopes: [...missing] } });
}

/**
 * Asks for what was granted and what is needed, under the connection's own alias and with its parameters. None for a connection of the
 * workspace: what a person authorized there would be a connection of that person.
 */
async function linkFor(
  links: ConnectLinks,
  call: Call,
  tool: Tool,
  { kind, alias, scopes, parameters }: Existing,
  missing: readonly string[],
): Promise<{ connectUrl?: string }> {
  if (kind === 'workspace') return {};
  const lacking = missing.length > 0 ? missing : neededBy(tool);
  return links.create(call, tool.provider, {
    scopes: [...scopes, ...lacking],
    alias,
    parameters: entered(tool.provider, parameters),
  });
}

/** What the provider itself states comes with the new authorization, and is refused from anybody else. */
function entered({ connection_parameters }: ProviderManifest, parameters: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => connection_parameters[name]?.source === 'input'));
}

function neededBy(tool: Tool): readonly string[] {
  return tool.scopes[0] ?? [];
}
