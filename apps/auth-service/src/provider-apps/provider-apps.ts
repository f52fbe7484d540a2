import { randomBytes } from 'node:crypto';
import type { Catalog, ProviderManifest } from '@keyward/connectors';
import { KeywardError, newId, type createProviderAppSchema, type providerAppSchema } from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import { clientSecretContext } from '@keyward/oauth';
import { ProviderAppEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import { notFound } from '../identity/not-found.js';
import { requireOrganization } from '../identity/agents.js';
import { asConflict } from '../identity/unique.js';
import { recordAudit, type Actor } from '../records/record.js';

export type ProviderApp = z.infer<typeof providerAppSchema>;
export type Registration = Pick<z.infer<typeof createProviderAppSchema>, 'clientId' | 'clientSecret'>;

const CONTEXT_BYTES = 16;

export class ProviderApps {
  constructor(
    private readonly dataSource: DataSource,
    private readonly catalog: Catalog,
    private readonly credentials: Credentials,
    private readonly publicUrl: string,
  ) {}

  /** @throws KeywardError `not_found` (organization), `invalid_request`, `conflict`, `dependency_unavailable` (also where KMS is away) */
  async create(request: z.infer<typeof createProviderAppSchema>, actor: Actor): Promise<ProviderApp> {
    const { organization: org, provider, clientId } = request;
    requireSecretAsDeclared(this.#manifest(provider), request);
    await withOrg(this.dataSource, org, (em) => requireOrganization(em, org));
    const id = newId('app');
    const row = {
      id,
      orgId: org,
      provider,
      clientId,
      sealedSecret: await this.#seal({ org, id, generation: 1 }, request.clientSecret),
      callbackContext: randomBytes(CONTEXT_BYTES).toString('hex'),
      generation: 1,
      createdAt: new Date(),
    };
    await withOrg(this.dataSource, org, async (em) => {
      await em.insert(ProviderAppEntity, row);
      await recordAudit(em, { type: 'provider_app.created', org, actor, provider, reason: id });
    }).catch(asConflict('The organization has a registration at this provider already.'));
    return this.#toApp(row);
  }

  /** A new client id or secret under the same redirect URI. @throws KeywardError `not_found`, `invalid_request`, `dependency_unavailable` */
  async replace(org: string, id: string, registration: Registration, actor: Actor): Promise<ProviderApp> {
    const owner = { id, orgId: org };
    const current = await withOrg(this.dataSource, org, (em) => em.findOneBy(ProviderAppEntity, owner));
    if (current === null) throw notFound('app');
    requireSecretAsDeclared(this.#manifest(current.provider), registration);
    const generation = current.generation + 1;
    const sealedSecret = await this.#seal({ org, id, generation }, registration.clientSecret);
    const change = { clientId: registration.clientId, sealedSecret, generation };
    await withOrg(this.dataSource, org, async (em) => {
      const { affected } = await em.update(ProviderAppEntity, { ...owner, generation: current.generation }, change);
      if (affected !== 1)
        throw new KeywardError('conflict', 'The registration was changed at the same time. Look at it and try again.');
      await recordAudit(em, { type: 'provider_app.updated', org, actor, provider: current.provider, reason: id });
    });
    return this.#toApp({ ...current, ...change });
  }

  /** @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async list(org: string): Promise<{ providerApps: ProviderApp[] }> {
    const rows = await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      return em.find(ProviderAppEntity, { where: { orgId: org }, order: { provider: 'ASC' } });
    });
    return { providerApps: rows.map((row) => this.#toApp(row)) };
  }

  #manifest(provider: string): ProviderManifest {
    const manifest = this.catalog.connector(provider);
    if (manifest === undefined) throw refuse('/provider', 'there is no connector of this name');
    return manifest;
  }

  async #seal(ref: { org: string; id: string; generation: number }, secret: string | undefined): Promise<Buffer | null> {
    return secret === undefined ? null : this.credentials.sealSecret(clientSecretContext(ref), secret);
  }

  #toApp({ id, orgId, provider, clientId, callbackContext, createdAt }: ProviderAppEntity): ProviderApp {
    const redirectUri = redirectUriOf(this.publicUrl, callbackContext);
    return { id, organization: orgId, provider, clientId, redirectUri, createdAt: createdAt.toISOString() };
  }
}

/** Distinct per organization and registration, so that one provider's answer can't be passed off as another's (RFC 9700 section 4.4). */
export function redirectUriOf(publicUrl: string, context: string): string {
  return `${publicUrl}/oauth/callback/${context}`;
}

function requireSecretAsDeclared({ title, auth }: ProviderManifest, { clientSecret }: Registration): void {
  const isPublic = auth.token_endpoint_auth_method === 'none';
  if (isPublic && clientSecret !== undefined) throw refuse('/clientSecret', `${title} has public clients, which have no secret`);
  if (!isPublic && clientSecret === undefined) throw refuse('/clientSecret', `${title} needs a client secret`);
}

function refuse(pointer: string, detail: string): KeywardError {
  return new KeywardError('invalid_request', `The registration is not valid (${pointer}: ${detail}).`, {
    details: { errors: [{ pointer, detail }] },
  });
}
