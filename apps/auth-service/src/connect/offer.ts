import type { Catalog, ProviderManifest } from '@keyward/connectors';
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
