import type { IncomingMessage } from 'node:http';
import type { MemberRole } from '@keyward/contracts';
import { prepared, type PreparedStatement } from '@keyward/postgres';
import { bearerToken } from '@keyward/service-host';
import type { DataSource } from 'typeorm';
import type { SessionCookie } from './session-cookie.js';
import { isCliToken, type Person, type SessionStore } from './session-store.js';

export interface Membership {
  organization: string;
  member: string;
  role: MemberRole;
}

interface MembershipRow {
  org_id: string;
  member_id: string;
  role: MemberRole;
}

const FIND: PreparedStatement = {
  name: 'auth_find_memberships',
  text: 'SELECT org_id, member_id, role FROM identity.find_memberships($1, $2, $3)',
};

/** People who are signed in, and what they are members of. Both are asked anew with each request, so that an end takes effect at once. */
export class PersonSessions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly sessions: SessionStore,
    private readonly cookie: SessionCookie,
  ) {}

  /**
   * By the token of a command line, or by a browser's cookie. A bearer token that is none of ours is nobody, whatever the cookie says.
   * @throws KeywardError `forbidden` for a change that another site made the browser ask for
   */
  async authenticate(request: IncomingMessage): Promise<Person | undefined> {
    if (request.headers.authorization !== undefined) {
      const token = bearerToken(request);
      return token === undefined ? undefined : this.authenticateToken(token);
    }
    const person = await this.current(request);
    if (person !== undefined) this.cookie.requireSameOrigin(request);
    return person;
  }

  /** Who the browser is signed in as, for pages: they have form tokens of their own. */
  async current(request: IncomingMessage): Promise<Person | undefined> {
    const secret = this.cookie.read(request);
    return secret === undefined ? undefined : this.sessions.find('browser', secret);
  }

  async authenticateToken(token: string): Promise<Person | undefined> {
    return isCliToken(token) ? this.sessions.find('cli', token) : undefined;
  }

  /** @throws KeywardError `dependency_unavailable` */
  memberships({ issuer, subject }: Pick<Person, 'issuer' | 'subject'>): Promise<Membership[]> {
    return this.#find(issuer, subject, null);
  }

  /** With invitations to the person's address that nobody has taken up. */
  invitations({ issuer, subject, email }: Person): Promise<Membership[]> {
    return this.#find(issuer, subject, email);
  }

  async #find(issuer: string, subject: string, email: string | null): Promise<Membership[]> {
    const rows = await prepared<MembershipRow>(this.dataSource, FIND, [issuer, subject, email]);
    return rows.map(({ org_id, member_id, role }) => ({ organization: org_id, member: member_id, role }));
  }
}
