import { hasAuth, resolveProvider, type Catalog, type ProviderManifest } from '@keyward/connectors';
import { discoveredProvider } from '@keyward/oauth';
import { ProviderAppEntity, withOrg, type ConnectSessionEntity } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { needsRegistration } from './flow.js';

/** What an organization can connect with at a provider. */
export interface Offer {
  /** As declared: late references are open. */
  manifest: ProviderManifest;
  /** Null where the kind of grant needs no registration. */
  app: ProviderAppEntity | null;
}

export interface OfferOptions {
  dataSource: DataSource;
  catalogs: { of(org: string): Promise<Catalog> };
}

type Wanted = Pick<ConnectSessionEntity, 'orgId' | 'provider'>;

/** Undefined where the connector is not offered any more, or the registration is gone. */
export async function findOffer({ dataSource, catalogs }: OfferOptions, { orgId, provider }: Wanted): Promise<Offer | undefined> {
  const manifest = (await catalogs.of(orgId)).connector(provider);
  if (manifest === undefined) return undefined;
  const app = await withOrg(dataSource, orgId, (em) => em.findOneBy(ProviderAppEntity, { orgId, provider }));
  return app === null && needsRegistration(manifest) ? undefined : { manifest, app };
}

/**
 * The manifest with everything filled in that is known. What discovery found makes an ordinary provider of an MCP server.
 * @throws KeywardError `invalid_request` where a parameter is missing or leads elsewhere
 */
export function resolveOffer({ manifest, app }: Offer, connection: Readonly<Record<string, string>>): ProviderManifest {
  const filled = resolveProvider(manifest, {
    connection,
    ...(app === null ? {} : { app: app.parameters, clientId: app.clientId }),
  });
  return app?.metadata && hasAuth(filled, 'mcp_oauth2') ? discoveredProvider(filled, app.metadata) : filled;
}
