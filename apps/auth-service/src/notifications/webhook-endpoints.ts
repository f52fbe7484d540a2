import {
  KeywardError,
  MAX_WEBHOOK_ENDPOINTS,
  newId,
  type CreatedWebhookEndpoint,
  type CreateWebhookEndpoint,
  type UpdateWebhookEndpoint,
  type WebhookEndpoint,
} from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import { WebhookEndpointEntity, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { requireOrganization } from '../identity/agents.js';
import { notFound } from '../identity/not-found.js';
import { requireLiveOrganization } from '../identity/organizations.js';
import { recordAudit, type Actor } from '../records/record.js';
import { endpointSecretContext, newEndpointSecret } from './endpoint-secret.js';
import { requireEndpointUrl } from './endpoint-url.js';
import { cancelPending } from './settle.js';

export interface WebhookEndpointsOptions {
  dataSource: DataSource;
  credentials: Credentials;
  privateOrigins: readonly string[];
}

const DELETE_AT_ONCE = 10_000;

type Change = Partial<Pick<WebhookEndpointEntity, 'url' | 'events' | 'description' | 'enabled'>>;

/** Addresses of an organization that are told of what happens to its connections. */
export class WebhookEndpoints {
  constructor(private readonly options: WebhookEndpointsOptions) {}

  /**
   * The one time that the secret is seen.
   * @throws KeywardError `not_found` (organization), `revoked` (shredded), `invalid_request` (url), `conflict` (there are too many),
   * `dependency_unavailable`
   */
  async add(request: CreateWebhookEndpoint, actor: Actor): Promise<CreatedWebhookEndpoint> {
    const { dataSource, credentials, privateOrigins } = this.options;
    const { organization: org, url, events, description, enabled } = request;
    requireEndpointUrl(url, privateOrigins);
    await withOrg(dataSource, org, (em) => requireLiveOrganization(em, org));
    const [id, secret] = [newId('whe'), newEndpointSecret()];
    const sealedSecret = await credentials.sealSecret(endpointSecretContext(org, id, 1), secret);
    const row = await withOrg(dataSource, org, async (em) => {
      await requireLiveOrganization(em, org);
      await requireRoom(em, org);
      await em.insert(WebhookEndpointEntity, { id, orgId: org, url, events, description, enabled, sealedSecret });
      await recordAudit(em, { type: 'webhook_endpoint.added', org, actor, reason: `${id}: ${new URL(url).origin}` });
      return em.findOneByOrFail(WebhookEndpointEntity, { id, orgId: org });
    });
    return { ...toWebhookEndpoint(row), secret };
  }

  /** Newest first. @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async list(org: string): Promise<{ webhookEndpoints: WebhookEndpoint[] }> {
    const rows = await withOrg(this.options.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      return em.find(WebhookEndpointEntity, { where: { orgId: org }, order: { id: 'DESC' } });
    });
    return { webhookEndpoints: rows.map(toWebhookEndpoint) };
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get(org: string, id: string): Promise<WebhookEndpoint> {
    return toWebhookEndpoint(await withOrg(this.options.dataSource, org, (em) => findEndpoint(em, org, id)));
  }

  /**
   * What is named changes. Disabled, it is told nothing more, nor afterwards of what happened meanwhile; enabled again or moved, it
   * begins anew.
   * @throws KeywardError `not_found`, `invalid_request` (url), `dependency_unavailable`
   */
  async update(
    org: string,
    id: string,
    request: Omit<UpdateWebhookEndpoint, 'organization'>,
    actor: Actor,
  ): Promise<WebhookEndpoint> {
    const change = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as Change;
    if (change.url !== undefined) requireEndpointUrl(change.url, this.options.privateOrigins);
    const row = await withOrg(this.options.dataSource, org, async (em) => {
      const found = await lockEndpoint(em, org, id);
      const changed = changedOf(found, change);
      if (changed.length === 0) return found;
      const toggled = changed.includes('enabled');
      const begun = changed.includes('url') || toggled ? { disabledReason: null, failingSince: null, resumeAt: null } : {};
      const told = toggled ? { toldSince: () => 'now()' } : {};
      await em.update(WebhookEndpointEntity, { id, orgId: org }, { ...change, ...begun, ...told, updatedAt: () => 'now()' });
      // Also as it is enabled again: an event that was on its way while it was disabled may have come after the others were cancelled.
      if (toggled) await cancelPending(em, org, id);
      await recordAudit(em, { type: 'webhook_endpoint.updated', org, actor, reason: `${id}: ${changed.join(', ')}` });
      return findEndpoint(em, org, id);
    });
    return toWebhookEndpoint(row);
  }

  /**
   * With its deliveries, which may be more than one statement can delete in time: it is disabled first, so that they become no more.
   * Repeating it finishes what was begun.
   * @throws KeywardError `not_found`, `dependency_unavailable`
   */
  async remove(org: string, id: string, actor: Actor): Promise<void> {
    const { dataSource } = this.options;
    await withOrg(dataSource, org, async (em) => {
      await lockEndpoint(em, org, id);
      await em.update(WebhookEndpointEntity, { id, orgId: org }, { enabled: false });
    });
    while ((await withOrg(dataSource, org, (em) => deleteDeliveries(em, org, id))) === DELETE_AT_ONCE);
    await withOrg(dataSource, org, async (em) => {
      const { url } = await lockEndpoint(em, org, id);
      await em.delete(WebhookEndpointEntity, { id, orgId: org });
      await recordAudit(em, { type: 'webhook_endpoint.removed', org, actor, reason: `${id}: ${new URL(url).origin}` });
    });
  }

  /**
   * A new secret, shown this once; messages are signed with the old one too until the overlap is over. One that is older still ends now.
   * @throws KeywardError `not_found`, `revoked` (shredded), `conflict` (rotated at the same time), `dependency_unavailable`
   */
  async rotateSecret(org: string, id: string, overlapSeconds: number, actor: Actor): Promise<CreatedWebhookEndpoint> {
    const { dataSource, credentials } = this.options;
    const before = await withOrg(dataSource, org, (em) => findEndpoint(em, org, id));
    const [secret, generation] = [newEndpointSecret(), before.secretGeneration + 1];
    const sealed = await credentials.sealSecret(endpointSecretContext(org, id, generation), secret);
    const row = await withOrg(dataSource, org, async (em) => {
      await requireLiveOrganization(em, org);
      const [, rotated] = (await em.query(ROTATE, [org, id, generation, sealed, overlapSeconds])) as [unknown, number];
      if (rotated !== 1) throw new KeywardError('conflict', 'The secret was rotated at the same time, or the endpoint removed.');
      await recordAudit(em, { type: 'webhook_endpoint.updated', org, actor, reason: `${id}: secret` });
      return findEndpoint(em, org, id);
    });
    return { ...toWebhookEndpoint(row), secret };
  }
}

const ROTATE = `
  UPDATE notification.webhook_endpoint SET secret_generation = $3, sealed_secret = $4, updated_at = now(),
    previous_sealed_secret = CASE WHEN $5 > 0 THEN sealed_secret END,
    previous_secret_until = CASE WHEN $5 > 0 THEN now() + make_interval(secs => $5) END
  WHERE org_id = $1 AND id = $2 AND secret_generation = $3 - 1`;

/** One after the other, or two at once would both be the last that there is room for. */
async function requireRoom(em: EntityManager, org: string): Promise<void> {
  await em.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`webhook_endpoint ${org}`]);
  if ((await em.countBy(WebhookEndpointEntity, { orgId: org })) >= MAX_WEBHOOK_ENDPOINTS)
    throw new KeywardError('conflict', `An organization has at most ${MAX_WEBHOOK_ENDPOINTS} webhook endpoints.`);
}

/** @throws KeywardError `not_found` */
export async function findEndpoint(em: EntityManager, org: string, id: string): Promise<WebhookEndpointEntity> {
  const row = await em.findOneBy(WebhookEndpointEntity, { id, orgId: org });
  if (row === null) throw notFound('whe');
  return row;
}

/** @returns how many */
async function deleteDeliveries(em: EntityManager, org: string, id: string): Promise<number> {
  const [, deleted] = (await em.query(
    `DELETE FROM notification.webhook_delivery WHERE org_id = $1 AND endpoint_id = $2 AND event_id IN (
       SELECT event_id FROM notification.webhook_delivery WHERE org_id = $1 AND endpoint_id = $2 LIMIT $3)`,
    [org, id, DELETE_AT_ONCE],
  )) as [unknown, number];
  return deleted;
}

async function lockEndpoint(em: EntityManager, org: string, id: string): Promise<WebhookEndpointEntity> {
  const row = await em.findOne(WebhookEndpointEntity, { where: { id, orgId: org }, lock: { mode: 'pessimistic_write' } });
  if (row === null) throw notFound('whe');
  return row;
}

function changedOf(row: WebhookEndpointEntity, change: Change): string[] {
  return Object.entries(change)
    .filter(([name, value]) => JSON.stringify(row[name as keyof Change]) !== JSON.stringify(value))
    .map(([name]) => name);
}

function toWebhookEndpoint(row: WebhookEndpointEntity): WebhookEndpoint {
  const previousUntil = row.previousSecretUntil;
  return {
    id: row.id,
    organization: row.orgId,
    url: row.url,
    events: row.events,
    description: row.description,
    enabled: row.enabled,
    disabledReason: row.disabledReason,
    failingSince: row.failingSince?.toISOString() ?? null,
    previousSecretUntil: previousUntil?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}
