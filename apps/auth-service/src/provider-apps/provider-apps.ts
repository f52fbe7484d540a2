import { randomBytes } from 'node:crypto';
import { checkAppParameters, hasAuth, type Catalog, type ProviderManifest } from '@keyward/connectors';
import { KeywardError, newId, type createProviderAppSchema, type providerAppSchema } from '@keyward/contracts';
import { clientSecretContext, privateKeyContext, type Credentials } from '@keyward/credentials';
import type { OAuthClient } from '@keyward/oauth';
import { ProviderAppEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import { needsRegistration } from '../connect/flow.js';
import { reachWith } from '../governance/connector-use.js';
import { requireOrganization } from '../identity/agents.js';
import { requireLiveOrganization } from '../identity/organizations.js';
import { notFound } from '../identity/not-found.js';
import { asConflict } from '../identity/unique.js';
import { recordAudit, type Actor } from '../records/record.js';
import { redirectUriOf } from './addresses.js';
import { refuse, requireCredentialsAsDeclared } from './credentials-needed.js';
import { discoverRegistration, type DiscoverOptions } from './discover-registration.js';
import { clearRejection, NOT_REJECTED } from './rejection.js';
import { endUnderWay, removeProviderApp, requireUnused } from './remove-provider-app.js';

export type ProviderApp = z.infer<typeof providerAppSchema>;
type CreateProviderApp = z.infer<typeof createProviderAppSchema>;
export type Registration = Omit<CreateProviderApp, 'organization' | 'provider'>;

const CONTEXT_BYTES = 16;
const NO_REASON = 'The provider does not take it, and does not say why.';

export interface ProviderAppsOptions extends DiscoverOptions {
  dataSource: DataSource;
  catalogs: { of(org: string): Promise<Catalog> };
  credentials: Credentials;
}

type Prepared = Pick<
  ProviderAppEntity,
  'clientId' | 'sealedSecret' | 'sealedKey' | 'certificate' | 'parameters' | 'registration' | 'issuer' | 'metadata'
>;

type Rejection = Pick<ProviderAppEntity, 'rejectedAt' | 'rejectedReason' | 'rejectedRetryAt'>;
type ShownRejection = Pick<ProviderApp, 'status' | 'rejected'>;

/** An organization's own clients at providers. No other organization ever acts with them. */
export class ProviderApps {
  constructor(private readonly options: ProviderAppsOptions) {}

  /**
   * Without a client id, where the provider is an MCP server: discovered and registered there.
   * @throws KeywardError `not_found` (organization), `invalid_request`, `conflict`, `dependency_unavailable` (also where KMS is away),
   * and those of discovery
   */
  async create({ organization: org, provider, ...registration }: CreateProviderApp, actor: Actor): Promise<ProviderApp> {
    const organization = await withOrg(this.options.dataSource, org, (em) => requireLiveOrganization(em, org));
    const manifest = await this.#manifest(org, provider);
    const key = { id: newId('app'), orgId: org, generation: 1, callbackContext: randomBytes(CONTEXT_BYTES).toString('hex') };
    const prepared = await this.#prepare(manifest, key, organization.name, registration);
    const row = { ...key, ...prepared, ...NOT_REJECTED, provider, createdAt: new Date() };
    await withOrg(this.options.dataSource, org, async (em) => {
      await requireLiveOrganization(em, org);
      await em.insert(ProviderAppEntity, row as Parameters<typeof em.insert<ProviderAppEntity>>[1]);
      await recordAudit(em, { type: 'provider_app.created', org, actor, provider, reason: row.id });
    }).catch(asConflict('The organization has a registration at this provider already.'));
    return this.#toApp(row);
  }

  /**
   * A new client id or secret under the same redirect URI; for an MCP server without a client id, discovered anew. At another issuer it
   * is another registration, as it is with parameters that lead elsewhere: nothing that belongs to the old one may be left that could be
   * sent there. Whether it is rejected is asked anew, and those of its connections that waited go on.
   * @throws KeywardError `not_found`, `invalid_request`, `conflict`, `dependency_unavailable`, and those of discovery
   */
  async replace(org: string, id: string, registration: Registration, actor: Actor): Promise<ProviderApp> {
    const { dataSource } = this.options;
    const owner = { id, orgId: org };
    const [current, organization] = await withOrg(dataSource, org, async (em) => {
      const found = await em.findOneBy(ProviderAppEntity, owner);
      if (found === null) throw notFound('app');
      return [found, await requireLiveOrganization(em, org)] as const;
    });
    const manifest = await this.#manifest(org, current.provider);
    const key = { ...current, generation: current.generation + 1 };
    const change = { ...(await this.#prepare(manifest, key, organization.name, registration)), generation: key.generation };
    await withOrg(dataSource, org, async (em) => {
      // Locked: whatever is stored with it as it was comes before, and is found here, or not at all.
      const locked = await em.findOne(ProviderAppEntity, { where: owner, lock: { mode: 'for_no_key_update' } });
      const moved = whereTo(manifest, current, change);
      if (moved !== undefined) {
        await requireUnused(em, org, id, moved);
        await endUnderWay(em, org, id);
      }
      const { affected } = await em.update(ProviderAppEntity, { ...owner, generation: current.generation }, change as object);
      if (affected !== 1)
        throw new KeywardError('conflict', 'The registration was changed at the same time. Look at it and try again.');
      await recordAudit(em, { type: 'provider_app.updated', org, actor, provider: current.provider, reason: id });
      if (locked !== null) await clearRejection(em, locked, actor);
    });
    return this.#toApp({ ...current, ...change, ...NOT_REJECTED });
  }

  /** @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async list(org: string): Promise<{ providerApps: ProviderApp[] }> {
    const rows = await withOrg(this.options.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      return em.find(ProviderAppEntity, { where: { orgId: org }, order: { provider: 'ASC' } });
    });
    return { providerApps: rows.map((row) => this.#toApp(row)) };
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get(org: string, id: string): Promise<ProviderApp> {
    const row = await withOrg(this.options.dataSource, org, (em) => em.findOneBy(ProviderAppEntity, { id, orgId: org }));
    if (row === null) throw notFound('app');
    return this.#toApp(row);
  }

  /** @throws KeywardError `not_found`, `conflict` while connections live by it, `dependency_unavailable` */
  remove(org: string, id: string, actor: Actor): Promise<void> {
    return removeProviderApp(this.options.dataSource, org, id, actor);
  }

  async #manifest(org: string, provider: string): Promise<ProviderManifest> {
    const manifest = (await this.options.catalogs.of(org)).connector(provider);
    if (manifest === undefined) throw refuse('/provider', 'there is no connector of this name');
    if (!needsRegistration(manifest)) throw refuse('/provider', `${manifest.title} is connected without a registration`);
    return manifest;
  }

  async #prepare(
    manifest: ProviderManifest,
    key: Pick<ProviderAppEntity, 'id' | 'orgId' | 'generation' | 'callbackContext'>,
    organization: string,
    { clientId, clientSecret, privateKey, certificate, parameters: given }: Registration,
  ): Promise<Prepared> {
    requireCredentialsAsDeclared(manifest, { clientSecret, privateKey, certificate });
    if (clientId === undefined && clientSecret !== undefined) throw refuse('/clientId', 'a client secret belongs to a client id');
    const parameters = checkAppParameters(manifest, given);
    const entered = clientId === undefined ? undefined : { clientId, ...(clientSecret === undefined ? {} : { clientSecret }) };
    if (entered !== undefined && !hasAuth(manifest, 'mcp_oauth2')) {
      const sealed = await this.#seal(key, { ...entered, ...(privateKey === undefined ? {} : { privateKey }) });
      const found = { registration: 'pre_registered' as const, issuer: null, metadata: null };
      return { ...sealed, ...found, clientId: entered.clientId, certificate: certificate ?? null, parameters };
    }
    const { callbackContext: context } = key;
    const wanted = { manifest, appParameters: parameters, organization, context, entered };
    const { client, registration, issuer, metadata } = await discoverRegistration(this.options, wanted);
    return {
      ...(await this.#seal(key, client)),
      clientId: client.clientId,
      certificate: null,
      parameters,
      registration,
      issuer,
      metadata,
    };
  }

  async #seal(
    { orgId: org, id, generation }: Pick<ProviderAppEntity, 'id' | 'orgId' | 'generation'>,
    { clientSecret, privateKey }: OAuthClient,
  ): Promise<Pick<ProviderAppEntity, 'sealedSecret' | 'sealedKey'>> {
    const { credentials } = this.options;
    const ref = { org, id, generation };
    return {
      sealedSecret: clientSecret === undefined ? null : await credentials.sealSecret(clientSecretContext(ref), clientSecret),
      sealedKey: privateKey === undefined ? null : await credentials.sealSecret(privateKeyContext(ref), privateKey),
    };
  }

  #toApp(row: ProviderAppEntity): ProviderApp {
    const { id, orgId, provider, clientId, parameters, registration, issuer, callbackContext, createdAt } = row;
    const redirectUri = redirectUriOf(this.options.publicUrl, callbackContext);
    const shown = { id, organization: orgId, provider, clientId, parameters, registration, issuer };
    return { ...shown, redirectUri, ...statusOf(row), createdAt: createdAt.toISOString() };
  }
}

function statusOf({ rejectedAt: at, rejectedReason: reason, rejectedRetryAt: retryAt }: Rejection): ShownRejection {
  if (at === null || retryAt === null) return { status: 'accepted', rejected: null };
  return { status: 'rejected', rejected: { at: at.toISOString(), reason: reason ?? NO_REASON, retryAt: retryAt.toISOString() } };
}

/** Why secrets that belong to a registration may not stay with it; undefined where they go where they went before. */
function whereTo(manifest: ProviderManifest, before: Prepared, after: Prepared): string | undefined {
  if (before.issuer !== null && after.issuer !== before.issuer)
    return `${manifest.title} has another authorization server now (${after.issuer})`;
  const known = new Set(reachWith(manifest, before.parameters));
  const added = reachWith(manifest, after.parameters).find((origin) => !known.has(origin));
  return added === undefined ? undefined : `The registration would lead to ${added}`;
}
