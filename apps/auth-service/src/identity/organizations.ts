import { KeywardError, newId, type createOrganizationSchema, type organizationSchema } from '@keyward/contracts';
import { asDatabaseError, OrganizationEntity, withOrg } from '@keyward/postgres';
import { LessThan, type DataSource } from 'typeorm';
import type { z } from 'zod';
import { isReturnUrl } from '../connect/return-url.js';
import { PAGE_SIZE, pageOf } from '../records/page.js';
import { recordAudit, type Actor } from '../records/record.js';
import { asConflict } from './unique.js';

export type Organization = z.infer<typeof organizationSchema>;

export class Organizations {
  constructor(private readonly dataSource: DataSource) {}

  /** @throws KeywardError `conflict` (slug), `invalid_request` (return URL), `dependency_unavailable` */
  async create(request: z.infer<typeof createOrganizationSchema>, actor: Actor): Promise<Organization> {
    refuseBadReturnUrls(request.returnUrls);
    const row = { id: newId('org'), ...request, createdAt: new Date() };
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
}

function refuseBadReturnUrls(urls: readonly string[]): void {
  const index = urls.findIndex((url) => !isReturnUrl(url));
  if (index < 0) return;
  const detail = 'must be an absolute https URL without user information and fragment';
  throw new KeywardError('invalid_request', `A return URL ${detail}.`, {
    details: { errors: [{ pointer: `/returnUrls/${index}`, detail }] },
  });
}

function toOrganization({ id, slug, name, createdAt }: Omit<OrganizationEntity, 'returnUrls'>): Organization {
  return { id, slug, name, createdAt: createdAt.toISOString() };
}
