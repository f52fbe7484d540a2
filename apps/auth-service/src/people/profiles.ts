import type { Me } from '@keyward/contracts';
import { asDatabaseError, OrganizationEntity } from '@keyward/postgres';
import { In, type DataSource } from 'typeorm';
import type { PersonSessions } from './person-sessions.js';
import type { Person } from './session-store.js';

type Profile = Extract<Me, { kind: 'person' }>;

/** People as they are shown to themselves: with the names of the organizations they are members of. */
export class Profiles {
  constructor(
    private readonly dataSource: DataSource,
    private readonly people: PersonSessions,
  ) {}

  /** @throws KeywardError `dependency_unavailable` */
  async of({ issuer, subject, email, preferredUsername }: Person): Promise<Profile> {
    const held = await this.people.memberships({ issuer, subject });
    const ids = held.map(({ organization }) => organization);
    const found = this.dataSource.manager.findBy(OrganizationEntity, { id: In(ids) });
    const organizations = await found.catch((thrown: unknown) => {
      throw asDatabaseError(thrown);
    });
    const memberships = organizations.flatMap(({ id, slug, name }) =>
      held
        .filter(({ organization }) => organization === id)
        .map(({ member, role }) => ({ member, organization: id, slug, name, role })),
    );
    memberships.sort((a, b) => (a.slug < b.slug ? -1 : 1));
    return { kind: 'person', issuer, subject, email, preferredUsername, memberships };
  }
}
