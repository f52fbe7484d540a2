import type { IncomingMessage } from 'node:http';
import { KeywardError, memberRoles, type MemberRole } from '@keyward/contracts';
import { bearerToken, type AdminToken } from '@keyward/service-host';
import type { PersonSessions } from '../people/person-sessions.js';
import type { Person } from '../people/session-store.js';
import type { Actor } from '../records/record.js';
import { unauthenticated } from './bearer.js';
import { notFound } from './not-found.js';

const ADMIN: Actor = { kind: 'admin', id: 'admin' };

/** Who asks, at every route for people and admins: the holder of the deployment's admin token, or a member who is signed in. */
export class Principals {
  constructor(
    private readonly adminToken: AdminToken,
    private readonly people: PersonSessions,
  ) {}

  /**
   * Whoever asks must have the role, or more, in the organization. Called before anything else is done with the request.
   * @param org given as a function, it is read only once the asker is known: nobody learns from a refusal what a request should be like
   * @param absent what a person who is no member is answered: the same as where there is no such organization
   * @throws KeywardError `unauthenticated`, `forbidden` (a role that is not enough, a cookie with another site's request), `absent`, `invalid_request` (two
   * Authorization headers), `dependency_unavailable`
   */
  async require(
    request: IncomingMessage,
    role: MemberRole,
    org: string | (() => string),
    absent: KeywardError = notFound('org'),
  ): Promise<Actor> {
    if (this.#isOperator(request)) {
      if (typeof org === 'function') org();
      return ADMIN;
    }
    const person = await this.#person(request);
    return this.#requireMember(person, role, typeof org === 'function' ? org() : org, absent);
  }

  /** As `require`, for another service that was shown the token of a command line. */
  async requireToken(token: string, role: MemberRole, org: string): Promise<Actor> {
    const person = await this.people.authenticateToken(token);
    if (person === undefined) throw unauthenticated();
    return this.#requireMember(person, role, org, notFound('org'));
  }

  async #requireMember(person: Person, role: MemberRole, org: string, absent: KeywardError): Promise<Actor> {
    const membership = (await this.people.memberships(person)).find(({ organization }) => organization === org);
    if (membership === undefined) throw absent;
    if (!suffices(membership.role, role)) throw tooLow(role);
    return { kind: 'admin', id: membership.member };
  }

  /** Across organizations: the holder of the admin token alone. @throws KeywardError as `require` */
  async requireOperator(request: IncomingMessage): Promise<Actor> {
    if (this.#isOperator(request)) return ADMIN;
    await this.#person(request);
    throw new KeywardError('forbidden', 'This is for the operator of the deployment alone.');
  }

  /** Whoever it is, whatever they may do. @throws KeywardError as `require` */
  async identify(request: IncomingMessage): Promise<Person | 'operator'> {
    return this.#isOperator(request) ? 'operator' : this.#person(request);
  }

  /** @throws KeywardError `invalid_request` for more than one Authorization header */
  #isOperator(request: IncomingMessage): boolean {
    return this.adminToken.matches(bearerToken(request));
  }

  async #person(request: IncomingMessage): Promise<Person> {
    const person = await this.people.authenticate(request);
    if (person === undefined) throw unauthenticated();
    return person;
  }
}

/** `memberRoles` begins with the one that may do everything. */
export function suffices(held: MemberRole, wanted: MemberRole): boolean {
  return memberRoles.indexOf(held) <= memberRoles.indexOf(wanted);
}

function tooLow(role: MemberRole): KeywardError {
  return new KeywardError('forbidden', `This needs the role ${role} in the organization.`);
}
