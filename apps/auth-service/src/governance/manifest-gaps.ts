import type { Catalog, Tool } from '@keyward/connectors';
import {
  KeywardError,
  type AgentAddress,
  type AgentManifest,
  type AppliedManifest,
  type ConnectSession,
} from '@keyward/contracts';
import { findUsableConnections, withOrg, type ConnectionEntity } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { SessionRequest } from '../connect/connect-sessions.js';
import { toolNamed } from './manifest-plan.js';

type Gap = AppliedManifest['missingScopes'][number];

/** An agent may have a connection per user: the newest are looked at, and as many gaps shown as can be read. */
const MAX_CONNECTIONS = 1_000;
const MAX_GAPS = 500;
const DEFAULT_ALIAS = 'default';

export interface ManifestGapsOptions {
  dataSource: DataSource;
  sessions: { create(request: SessionRequest): Promise<ConnectSession> };
}

export interface GapQuery extends AgentAddress {
  manifest: AgentManifest;
  catalog: Catalog;
  /** Whose connections to look at. Only with a user can there be a link. */
  user: string | undefined;
  initiator: SessionRequest['initiator'];
}

/** What is missing for the manifest's tools to work: scopes that connections lack, and connections that the user does not have yet. */
export async function manifestGaps(options: ManifestGapsOptions, query: GapQuery): Promise<Gap[]> {
  const { org, agent, manifest, user } = query;
  const read = await withOrg(options.dataSource, org, (em) =>
    findUsableConnections(em, { org, agent, user, limit: MAX_CONNECTIONS }),
  );
  const live = read.filter(({ status }) => status !== 'revoked' && status !== 'pending');
  const gaps: Gap[] = [];
  for (const connector of new Set(manifest.tools.map((tool) => tool.connector))) {
    gaps.push(
      ...(await connectorGaps(
        options,
        query,
        connector,
        live.filter(({ provider }) => provider === connector),
      )),
    );
  }
  return gaps.slice(0, MAX_GAPS);
}

async function connectorGaps(
  options: ManifestGapsOptions,
  { org, agent, manifest, catalog, user, initiator }: GapQuery,
  connector: string,
  connections: readonly ConnectionEntity[],
): Promise<Gap[]> {
  const tools = manifest.tools.filter((tool) => tool.connector === connector);
  const gapsOf = (granted: readonly string[]): { tool: string; scopes: string[] }[] =>
    tools
      .map((tool) => ({ tool: tool.name, scopes: lacking(toolNamed(catalog, tool), tool.scopes, granted) }))
      .filter(({ scopes }) => scopes.length > 0);

  const auth = catalog.connector(connector)?.auth;
  if (user !== undefined && connections.length === 0 && auth !== undefined && auth.kind !== 'none') {
    const needed = gapsOf([]);
    const scopes = union(auth.scopes.default, needed);
    const link = await linkFor(options, { org, agent, user, provider: connector, alias: DEFAULT_ALIAS, scopes, initiator });
    const scopesOf = (name: string) => needed.find(({ tool }) => tool === name)?.scopes ?? [];
    return tools.map(({ name }) => ({ tool: name, connector, connection: null, user, scopes: scopesOf(name), ...link }));
  }
  const gaps: Gap[] = [];
  for (const { id, kind, userId, alias, scopes: granted } of connections) {
    const found = gapsOf(granted);
    if (found.length === 0) continue;
    // A workspace connection is widened by an admin, not by whichever user a call is for.
    const asks = user !== undefined && kind === 'agent';
    const request = { org, agent, provider: connector, alias, scopes: union(granted, found), initiator };
    const link = asks ? await linkFor(options, { ...request, user }) : {};
    gaps.push(...found.map((gap) => ({ ...gap, connector, connection: id, user: userId, ...link })));
  }
  return gaps;
}

/** Empty where no link can be made, such as without a provider app: what is missing is told all the same. */
async function linkFor({ sessions }: ManifestGapsOptions, request: SessionRequest): Promise<{ connectUrl?: string }> {
  try {
    return { connectUrl: (await sessions.create(request)).url };
  } catch (thrown) {
    if (thrown instanceof KeywardError) return {};
    throw thrown;
  }
}

/** What the manifest names for the tool; else what lacks least of the sets that the tool declares. */
function lacking(tool: Tool | undefined, named: readonly string[] | undefined, granted: readonly string[]): string[] {
  const sets = named === undefined ? (tool?.scopes ?? []) : [named];
  const missing = sets.map((set) => set.filter((scope) => !granted.includes(scope)));
  return (
    missing.reduce<string[] | undefined>((least, set) => (least && least.length <= set.length ? least : set), undefined) ?? []
  );
}

function union(scopes: readonly string[], gaps: readonly { scopes: readonly string[] }[]): string[] {
  return [...new Set([...scopes, ...gaps.flatMap((gap) => gap.scopes)])];
}
