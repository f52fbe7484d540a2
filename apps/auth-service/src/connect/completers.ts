import type { UserClaim } from '@keyward/contracts';
import { ConnectSessionEntity, OrganizationEntity, withOrg } from '@keyward/postgres';
import { IsNull, type DataSource } from 'typeorm';
import { suffices } from '../identity/principals.js';
import type { Membership } from '../people/person-sessions.js';
import type { Person } from '../people/session-store.js';
import { ending, type ConnectAnswer, type Ending } from './answer.js';
import { recordFailure } from './record-failure.js';

/** Who is at the browser. */
export interface Visitor {
  /** What our cookie held, if it was there. */
  cookie: unknown;
  /** Who is signed in. */
  person: () => Promise<Person | undefined>;
}

/** In whose name a connection is authorized. */
export type Authorizer = { kind: 'user' | 'admin'; id: string };

export type Completer = { may: true; authorizedBy: Authorizer } | { may: false; why: 'sign_in_required' | Ending };

export interface CompletersOptions {
  dataSource: DataSource;
  memberships: (person: Person) => Promise<Membership[]>;
  /** Whether the deployment has an identity provider that people can sign in with. */
  signIn: boolean;
}

/** Initiator = completer: whoever finishes a session must be who it was made for (docs/adr/0008). Asked at every step, last before storing. */
export class Completers {
  constructor(private readonly options: CompletersOptions) {}

  async check(session: ConnectSessionEntity, visitor: Visitor): Promise<Completer> {
    const { dataSource, signIn } = this.options;
    const { signInToConnect, userClaim } = await withOrg(dataSource, session.orgId, (em) =>
      em.findOneByOrFail(OrganizationEntity, { id: session.orgId }),
    );
    const { kind, userId, initiatorId } = session;
    const isWorkspace = kind === 'workspace' || userId === null;
    if (!isWorkspace && !signInToConnect) return { may: true, authorizedBy: { kind: 'user', id: userId } };
    // Without an identity provider there is one admin, who made the link; the first browser to open it is theirs.
    if (isWorkspace && !signIn && !signInToConnect) return { may: true, authorizedBy: { kind: 'admin', id: initiatorId } };
    if (!signIn) return { may: false, why: 'sign_in_unavailable' };
    const person = await visitor.person();
    if (person === undefined) return { may: false, why: 'sign_in_required' };
    const authorizedBy = isWorkspace ? await this.#admin(session, person) : personAs(person, userClaim, userId);
    if (authorizedBy === undefined) {
      await recordFailure(dataSource, session, { failure: 'wrong_person' });
      return { may: false, why: 'wrong_person' };
    }
    await this.#remember(session);
    return { may: true, authorizedBy };
  }

  async #admin({ orgId }: ConnectSessionEntity, person: Person): Promise<Authorizer | undefined> {
    const membership = (await this.options.memberships(person)).find(({ organization }) => organization === orgId);
    return membership !== undefined && suffices(membership.role, 'admin') ? { kind: 'admin', id: membership.member } : undefined;
  }

  async #remember({ id, orgId, signedInAt }: ConnectSessionEntity): Promise<void> {
    if (signedInAt !== null) return;
    await withOrg(this.options.dataSource, orgId, (em) =>
      em.update(ConnectSessionEntity, { id, orgId, signedInAt: IsNull() }, { signedInAt: new Date() }),
    );
  }
}

/** The claim must be the session's user, letter by letter; only of e-mail addresses is the case no matter. */
function personAs(person: Person, claim: UserClaim, user: string): Authorizer | undefined {
  const value = { sub: person.subject, email: person.email, preferred_username: person.preferredUsername }[claim];
  const same = claim === 'email' ? value?.toLowerCase() === user.toLowerCase() : value === user;
  return same ? { kind: 'user', id: user } : undefined;
}

/** What the browser gets where it may not go on. @param path where to come back to after signing in */
export function turnAway(why: 'sign_in_required' | Ending, path: string): ConnectAnswer {
  if (why !== 'sign_in_required') return ending(why);
  return { kind: 'redirect', outcome: 'sign_in_required', url: `/login?return=${encodeURIComponent(path)}` };
}
