import {
  KeywardError,
  newId,
  type createOrganizationSchema,
  type Organization,
  type updateOrganizationSchema,
} from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import { asDatabaseError, OrganizationEntity, withOrg } from '@keyward/postgres';
import { LessThan, type DataSource, type EntityManager } from 'typeorm';
import type { z } from 'zod';
import { isReturnUrl } from '../connect/return-url.js';
import { PAGE_SIZE, pageOf } from '../records/page.js';
import { recordAudit, type Actor } from '../records/record.js';
import { requireOrganization } from './agents.js';
import { notFound } from './not-found.js';
import { asConflict } from './unique.js';

export class Organizations {
  constructor(
    private readonly dataSource: DataSource,
    private readonly credentials: Credentials,
  ) {}

  /** @throws KeywardError `conflict` (slug), `invalid_request` (return URL), `dependency_unavailable` */
  async create(request: z.infer<typeof createOrganizationSchema>, actor: Actor): Promise<Organization> {
    refuseBadReturnUrls(request.returnUrls);
    const row = { id: newId('org'), ...request, shreddedAt: null, createdAt: new Date() };
    await withOrg(this.dataSource, row.id, async (em) => {
      await em.insert(OrganizationEntity, row);
      await recordAudit(em, { type: 'organization.created', org: row.id, actor });
    }).catch(asConflict('An organization with this slug exists already.'));
    return toOrganization(row);
  }

  async list(before: string | undefined): Promise<{ organizations: Organization[]; nextCursor: string | null }> {
    // The one table that belongs to no organization, so that no transaction of one is needed.
    const found = this.dataSource.manager.find(OrganizationEntity, {
      where: before === undefined ? {} : { id: LessThan(before) },
      order: { id: 'DESC' },
      take: PAGE_SIZE + 1,
    });
    const rows = await found.catch((thrown: unknown) => {
      throw asDatabaseError(thrown);
    });
    const page = pageOf(rows);
    return { organizations: page.rows.map(toOrganization), nextCursor: page.nextCursor };
  }

  /** @throws KeywardError `not_found`, `dependency_unavailable` */
  async get(id: string): Promise<Organization> {
    return toOrganization(await withOrg(this.dataSource, id, (em) => requireOrganization(em, id)));
  }

  /** What is left out stays as it is. @throws KeywardError `not_found`, `invalid_request` (return URL), `dependency_unavailable` */
  async update(id: string, request: z.infer<typeof updateOrganizationSchema>, actor: Actor): Promise<Organization> {
    refuseBadReturnUrls(request.returnUrls ?? []);
    const change = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
    return withOrg(this.dataSource, id, async (em) => {
      await requireOrganization(em, id);
      if (Object.keys(change).length > 0) {
        await em.update(OrganizationEntity, { id }, change);
        await recordAudit(em, { type: 'organization.updated', org: id, actor, reason: Object.keys(change).sort().join(', ') });
      }
      return toOrganization(await requireOrganization(em, id));
    });
  }

  /** What is sealed from now on is sealed under a new data key. @throws KeywardError `not_found`, `revoked`, `dependency_unavailable` */
  async rotateDataKey(id: string, actor: Actor): Promise<{ organization: string; rotatedAt: string }> {
    await withOrg(this.dataSource, id, async (em) => {
      await requireLiveOrganization(em, id);
      await recordAudit(em, { type: 'data_key.rotated', org: id, actor });
    });
    await this.credentials.rotateDataKey(id);
    return { organization: id, rotatedAt: new Date().toISOString() };
  }
}

/**
 * For whatever stores a secret: the organization, which can't be shredded before the transaction ends.
 * @throws KeywardError `absent`, `revoked` (shredded)
 */
export async function requireLiveOrganization(
  em: EntityManager,
  id: string,
  absent = notFound('org'),
): Promise<OrganizationEntity> {
  const organization = await em.findOne(OrganizationEntity, { where: { id }, lock: { mode: 'pessimistic_read' } });
  if (organization === null) throw absent;
  if (organization.shreddedAt !== null) {
    throw new KeywardError('revoked', 'The keys of this organization were destroyed; nothing can be connected for it any more.');
  }
  return organization;
}

function refuseBadReturnUrls(urls: readonly string[]): void {
  const index = urls.findIndex((url) => !isReturnUrl(url));
  if (index < 0) return;
  const detail = 'must be an absolute https URL without user information and fragment';
  throw new KeywardError('invalid_request', `A return URL ${detail}.`, {
    details: { errors: [{ pointer: `/returnUrls/${index}`, detail }] },
  });
}

export function toOrganization({ createdAt, shreddedAt, ...organization }: OrganizationEntity): Organization {
  return { ...organization, createdAt: createdAt.toISOString(), shreddedAt: shreddedAt?.toISOString() ?? null };
}
