import { MemberEntity, withOrg } from '@keyward/postgres';
import { IsNull, type DataSource } from 'typeorm';
import { recordAudit } from '../records/record.js';
import type { Membership, PersonSessions } from './person-sessions.js';
import type { Person } from './session-store.js';

/**
 * What a sign-in does for a person's memberships: invitations to a verified address become theirs for good, and every organization
 * learns of the sign-in. From then on it is the identity that counts: whoever gets the address later is somebody else.
 * @throws KeywardError `dependency_unavailable`
 */
export async function admit(dataSource: DataSource, people: PersonSessions, person: Person): Promise<void> {
  const held = await people.memberships(person);
  const joined = new Set(held.map(({ organization }) => organization));
  const known = new Set(held.map(({ member }) => member));
  // One membership per organization: a second invitation, to another address of the same person, stays open.
  const invited = (await people.invitations(person)).filter(
    ({ member, organization }) => !known.has(member) && !joined.has(organization),
  );
  for (const membership of [...held, ...invited]) await recordSignIn(dataSource, membership, person);
}

async function recordSignIn(
  dataSource: DataSource,
  { organization: org, member: id }: Membership,
  person: Person,
): Promise<void> {
  const { issuer, subject } = person;
  await withOrg(dataSource, org, async (em) => {
    const lastSignInAt = new Date();
    const bound = await em.update(MemberEntity, { id, orgId: org, issuer, subject }, { lastSignInAt });
    const taken =
      bound.affected === 1
        ? bound
        : await em.update(MemberEntity, { id, orgId: org, issuer: IsNull() }, { issuer, subject, lastSignInAt });
    if (taken.affected === 1) await recordAudit(em, { type: 'person.signed_in', org, actor: { kind: 'admin', id }, user: id });
  });
}
