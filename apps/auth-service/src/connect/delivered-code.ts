import type { Catalog } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import type { Credentials, SecretContext } from '@keyward/credentials';
import { readCodeWebhook, withClient } from '@keyward/oauth';
import { DeliveredCodeEntity, ProviderAppEntity, withOrg } from '@keyward/postgres';
import { MoreThan, type DataSource } from 'typeorm';
import { findCallbackApp } from '../provider-apps/find-callback-app.js';
import { sha256 } from './secrets.js';

/** As long as the redirect that belongs to it may take. */
const KEEP_MS = 600_000;

export interface DeliverCodeOptions {
  dataSource: DataSource;
  catalogs: { of(org: string): Promise<Catalog> };
  credentials: Credentials;
}

export interface CodeDelivery {
  /** Last segment of the redirect URI, as of the webhook's address. */
  context: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  rawBody: Uint8Array;
}

/** `POST /oauth/webhook/{context}`: a provider sends the code itself. It waits for the browser that it belongs to, or that one for it. */
export class DeliverCode {
  constructor(private readonly options: DeliverCodeOptions) {}

  /** @throws KeywardError `not_found`, `invalid_request` (no such webhook, or a signature that does not hold), `dependency_unavailable` */
  async deliver({ context, headers, rawBody }: CodeDelivery): Promise<void> {
    const { dataSource, catalogs, credentials } = this.options;
    const app = await findCallbackApp(dataSource, context);
    const manifest = app === null ? undefined : (await catalogs.of(app.orgId)).connector(app.provider);
    if (app === null || manifest === undefined) throw new KeywardError('not_found', 'There is nothing at this address.');
    const { correlation, code } = await withClient(credentials, app, async (client) =>
      readCodeWebhook(manifest, client, headers, rawBody),
    );
    const row = {
      providerAppId: app.id,
      orgId: app.orgId,
      correlationSha256: sha256(correlation),
      sealedCode: await credentials.sealSecret(deliveredCodeContext(app, correlation), code),
      expiresAt: new Date(Date.now() + KEEP_MS),
    };
    await withOrg(dataSource, app.orgId, (em) => em.upsert(DeliveredCodeEntity, row, ['providerAppId', 'correlationSha256']));
  }
}

/** Opens for the registration and the correlation that it came with. */
export function deliveredCodeContext({ id, orgId }: Pick<ProviderAppEntity, 'id' | 'orgId'>, correlation: string): SecretContext {
  return { org: orgId, record: `${id}/${sha256(correlation).toString('hex')}`, field: 'authorization_code', generation: 1 };
}

/** Sealed. `take` removes it: of any number of takers one gets it. */
export async function takeDeliveredCode(
  dataSource: DataSource,
  { id, orgId }: Pick<ProviderAppEntity, 'id' | 'orgId'>,
  correlation: string,
  how: 'look' | 'take',
): Promise<Buffer | undefined> {
  const key = { providerAppId: id, orgId, correlationSha256: sha256(correlation), expiresAt: MoreThan(new Date()) };
  return withOrg(dataSource, orgId, async (em) => {
    const row = await em.findOneBy(DeliveredCodeEntity, key);
    if (row === null || how === 'look') return row?.sealedCode;
    const { affected } = await em.delete(DeliveredCodeEntity, key);
    return affected === 1 ? row.sealedCode : undefined;
  });
}
