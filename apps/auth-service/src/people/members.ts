import { KeywardError, newId, type createMemberSchema, type Member, type MemberRole } from '@keyward/contracts';
import { MemberEntity, withOrg } from '@keyward/postgres';
import { LessThan, type DataSource, type EntityManager } from 'typeorm';
import type { z } from 'zod';
import { requireOrganization } from '../identity/agents.js';
import { notFound } from '../identity/not-found.js';
import { asConflict } from '../identity/unique.js';
import { PAGE_SIZE, pageOf } from '../records/page.js';
import { recordAudit, type Actor } from '../records/record.js';

/** The people of an organization. An invitation is a member who has not signed in yet. */
export class Members {
  constructor(private readonly dataSource: DataSource) {}

  /** Newest first. @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async list(org: string, before: string | undefined): Promise<{ members: Member[]; nextCursor: string | null }> {
    const rows = await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      return em.find(MemberEntity, {
        where: { orgId: org, ...(before === undefined ? {} : { id: LessThan(before) }) },
        order: { id: 'DESC' },
        take: PAGE_SIZE + 1,
      });
    });
    const page = pageOf(rows);
    return { members: page.rows.map(toMember), nextCursor: page.nextCursor };
  }

  /** @throws KeywardError `not_found` (organization), `conflict` (address), `dependency_unavailable` */
  async add({ organization: org, email, role }: z.infer<typeof createMemberSchema>, actor: Actor): Promise<Member> {
    const row = {
      id: newId('mbr'),
      orgId: org,
      email,
      issuer: null,
      subject: null,
      role,
      createdAt: new Date(),
      lastSignInAt: null,
    };
    await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      await em.insert(MemberEntity, row);
      await recordAudit(em, { type: 'member.added', org, actor, user: row.id, reason: role });
    }).catch(asConflict('Somebody with this address is a member already.'));
    return toMember(row);
  }

  /** @throws KeywardError `not_found`, `conflict` (the last owner), `dependency_unavailable` */
  async changeRole(org: string, id: string, role: MemberRole, actor: Actor): Promise<Member> {
    return withOrg(this.dataSource, org, async (em) => {
      const member = await lockMember(em, org, id);
      if (member.role === role) return toMember(member);
      if (member.role === 'owner') await requireOtherOwner(em, org, id);
      await em.update(MemberEntity, { id, orgId: org }, { role });
      await recordAudit(em, { type: 'member.role_changed', org, actor, user: id, reason: `${member.role} to ${role}` });
      return toMember({ ...member, role });
    });
  }

  /** What the person has signed in to ends with it: roles are read with each request. @throws KeywardError as `changeRole` */
  async remove(org: string, id: string, actor: Actor): Promise<Member> {
    return withOrg(this.dataSource, org, async (em) => {
      const member = await lockMember(em, org, id);
      if (member.role === 'owner') await requireOtherOwner(em, org, id);
      await em.delete(MemberEntity, { id, orgId: org });
      await recordAudit(em, { type: 'member.removed', org, actor, user: id, reason: member.role });
      return toMember(member);
    });
  }
}

/** All owners are locked, in one order: of two who remove each other at the same time, one stays. */
async function lockMember(em: EntityManager, org: string, id: string): Promise<MemberEntity> {
  const rows = await em
    .createQueryBuilder(MemberEntity, 'member')
    .setLock('pessimistic_write')
    .where("member.orgId = :org AND (member.id = :id OR member.role = 'owner')", { org, id })
    .orderBy('member.id')
    .getMany();
  const member = rows.find((row) => row.id === id);
  if (member === undefined) throw notFound('mbr');
  return member;
}

async function requireOtherOwner(em: EntityManager, org: string, id: string): Promise<void> {
  const owners = await em.findBy(MemberEntity, { orgId: org, role: 'owner' });
  if (owners.some((owner) => owner.id !== id)) return;
  throw new KeywardError(
    'conflict',
    'The last owner can neither be removed nor become something else. Name another owner first.',
  );
}

function toMember(row: MemberEntity): Member {
  return {
    id: row.id,
    organization: row.orgId,
    email: row.email,
    role: row.role,
    joined: row.issuer !== null,
    createdAt: row.createdAt.toISOString(),
    lastSignInAt: row.lastSignInAt?.toISOString() ?? null,
  };
}
