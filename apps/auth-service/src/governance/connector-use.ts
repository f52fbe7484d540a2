import { authorizationServerOrigins, parseConnector, type ProviderManifest } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { ConnectorEntity, ProviderAppEntity } from '@keyward/postgres';
import type { EntityManager } from 'typeorm';

/** A revoked connection counts while its credential is still there to be revoked at the provider. */
const HELD = `
SELECT EXISTS (
  SELECT 1 FROM vault.connection c LEFT JOIN vault.credential s ON s.connection_id = c.id AND s.org_id = c.org_id
  WHERE c.org_id = $1 AND c.provider = $2 AND (c.status <> 'revoked' OR s.connection_id IS NOT NULL)
) AS held`;

interface Replacement {
  org: string;
  /** Undefined: what is stored can't be used (any more), or nothing is: secrets may be of a connector that the deployment once had. */
  before: ProviderManifest | undefined;
  after: ProviderManifest;
}

/**
 * Secrets that were entrusted to the connector as it was must not go elsewhere by its next version: while there are any, the kind of
 * grant stays and no origin is added.
 * @throws KeywardError `conflict`
 */
export async function requireReplaceable(em: EntityManager, { org, before, after }: Replacement): Promise<void> {
  if (!(await holdsSecrets(em, org, after.name))) return;
  if (before === undefined) throw inUse('what they were entrusted to can not be compared with this');
  if (before.auth.kind !== after.auth.kind) throw inUse('its kind of grant can not change');
  const added = addedBy(before, after);
  if (added !== undefined)
    throw inUse(
      `secrets that it already holds would reach ${added.slice(0, 200)}, which it did not name before, or not with these parameters`,
    );
}

/** @throws KeywardError `conflict` */
export async function requireUnused(em: EntityManager, org: string, provider: string): Promise<void> {
  if (await holdsSecrets(em, org, provider)) throw inUse('it can not be removed');
}

/**
 * For a secret that is about to be stored: it was entrusted to the connector as it was read, of which there may be another version by
 * now. Locked, so that whoever posts the next one waits, and finds what is stored.
 * @throws KeywardError `conflict`
 */
export async function requireSameReach(em: EntityManager, org: string, entrusted: ProviderManifest): Promise<void> {
  const where = { orgId: org, name: entrusted.name };
  const row = await em.findOne(ConnectorEntity, { where, lock: { mode: 'pessimistic_read' } });
  const current = row === null ? undefined : asStored(row);
  if (current !== undefined && current.auth.kind === entrusted.auth.kind && addedBy(entrusted, current) === undefined) return;
  throw new KeywardError('conflict', 'The connector was changed meanwhile; nothing was stored. Try again in a moment.');
}

/** What is stored was valid when it was posted; whether it still is, the rules of today say. */
export function asStored({ manifest }: ConnectorEntity): ProviderManifest | undefined {
  try {
    return parseConnector(manifest, undefined).manifest;
  } catch {
    return undefined;
  }
}

/** Connections, or the secret of a registration. */
async function holdsSecrets(em: EntityManager, org: string, provider: string): Promise<boolean> {
  if (await em.existsBy(ProviderAppEntity, { orgId: org, provider })) return true;
  const [row] = await em.query<{ held: boolean }[]>(HELD, [org, provider]);
  return row?.held === true;
}

/** Everywhere that a secret of this provider may be sent to, late references as they are written. */
function destinations(manifest: ProviderManifest): string[] {
  const resource = manifest.auth.kind === 'mcp_oauth2' ? [manifest.auth.resource] : [];
  return [...manifest.origins, ...authorizationServerOrigins(manifest), ...resource];
}

/** Where the later version sends secrets, and the earlier did not. */
function addedBy(before: ProviderManifest, after: ProviderManifest): string | undefined {
  const known = new Set(destinations(before).map((origin) => reachOf(before, origin)));
  return destinations(after).find((origin) => !known.has(reachOf(after, origin)));
}

/** Where a registration's parameters let secrets go; those of connections stay open. */
export function reachWith(manifest: ProviderManifest, parameters: Readonly<Record<string, string>>): string[] {
  return destinations(manifest).map((origin) =>
    origin.replace(PARAMETER, (reference, group: string, name: string) =>
      group === 'app' ? (parameters[name] ?? reference) : reference,
    ),
  );
}

const PARAMETER = /\$\{(app|connection)\.([a-z][a-z0-9_]*)\}/g;

/** What an origin can become: a parameter in it that may have more values leads further, though the address reads as before. */
function reachOf({ app_parameters, connection_parameters }: ProviderManifest, origin: string): string {
  const rules = [...origin.matchAll(PARAMETER)].map(([, group, name = '']) => {
    const declared = group === 'app' ? app_parameters[name] : connection_parameters[name];
    const source = declared !== undefined && 'source' in declared ? declared.source : undefined;
    return [declared?.type, declared?.one_of, declared?.host_suffixes, declared?.default, source];
  });
  return JSON.stringify([origin, ...rules]);
}

function inUse(consequence: string): KeywardError {
  return new KeywardError(
    'conflict',
    `The connector has connections or a registration: ${consequence}. Revoke the connections and remove the registration first.`,
  );
}
