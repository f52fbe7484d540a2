import { clientMetadataDocument } from '@keyward/oauth';
import { KeywardError } from '@keyward/contracts';
import { OrganizationEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { clientMetadataUrlOf, redirectUriOf } from './addresses.js';
import { clientNameOf } from './discover-registration.js';
import { findCallbackApp } from './find-callback-app.js';

/** What `GET /oauth/clients/{context}` answers: the registration of a client whose id is that very address. */
export class ClientMetadata {
  constructor(
    private readonly dataSource: DataSource,
    private readonly publicUrl: string,
  ) {}

  /** @throws KeywardError `not_found` */
  async document(context: string): Promise<ReturnType<typeof clientMetadataDocument>> {
    const app = await findCallbackApp(this.dataSource, context);
    // Other registrations are nobody's business: their name and redirect URI are told to their own server alone.
    if (app?.registration !== 'client_id_metadata_document')
      throw new KeywardError('not_found', 'There is nothing at this address.');
    const { name } = await withOrg(this.dataSource, app.orgId, (em) => em.findOneByOrFail(OrganizationEntity, { id: app.orgId }));
    return clientMetadataDocument(clientMetadataUrlOf(this.publicUrl, context), {
      clientName: clientNameOf(name),
      redirectUri: redirectUriOf(this.publicUrl, context),
    });
  }
}
