import type { Catalog, ProviderManifest } from '@keyward/connectors';
import { connectedProvider } from '@keyward/oauth';
import { ConnectionEntity, CredentialEntity, ProviderAppEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { notFound } from '../identity/not-found.js';

export interface HeldOptions {
  dataSource: DataSource;
  catalogs: { of(org: string): Promise<Catalog> };
}

/** A connection with what is held for it, sealed. */
export interface HeldCredential {
  connection: ConnectionEntity;
  credential: CredentialEntity | null;
  /** Null where the kind of grant needs no registration, or it is gone. */
  app: ProviderAppEntity | null;
  /** Resolved for this connection. Undefined where the connector is not offered any more. */
  provider: ProviderManifest | undefined;
}

/** @throws KeywardError `not_found`; `invalid_request` where what is stored does not fill the manifest (any more) */
export async function findHeld({ dataSource, catalogs }: HeldOptions, org: string, id: string): Promise<HeldCredential> {
  const held = await withOrg(dataSource, org, async (em) => {
    const connection = await em.findOneBy(ConnectionEntity, { id, orgId: org });
    if (connection === null) throw notFound('conn');
    const credential = await em.findOneBy(CredentialEntity, { connectionId: id, orgId: org });
    const { providerAppId } = connection;
    const app = providerAppId === null ? null : await em.findOneBy(ProviderAppEntity, { id: providerAppId, orgId: org });
    return { connection, credential, app };
  });
  const manifest = (await catalogs.of(org)).connector(held.connection.provider);
  const provider =
    manifest === undefined ? undefined : connectedProvider({ manifest, app: held.app }, held.connection.parameters);
  return { ...held, provider };
}
