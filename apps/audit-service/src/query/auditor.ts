import type { IncomingMessage } from 'node:http';
import { KeywardError } from '@keyward/contracts';
import { bearerToken, type AdminToken } from '@keyward/service-host';
import type { MemberAuditors } from './member-auditors.js';

/** Whose request it is: that of the deployment's operator, or of somebody who shows a token of their command line. */
export type Asker = { kind: 'operator' } | { kind: 'person'; token: string };

/** Who was found to be allowed: the operator, or a member by id. */
export interface Reader {
  kind: Asker['kind'];
  /** As actors are named in events: `admin`, or the member's id. */
  id: string;
}

const OPERATOR: Reader = { kind: 'operator', id: 'admin' };

/** Who may read the trail: the holder of the deployment's admin token all of it, an auditor of an organization that organization's. */
export class AuditorAuthenticator {
  constructor(
    private readonly adminToken: AdminToken,
    private readonly members: MemberAuditors,
  ) {}

  /** @throws KeywardError `unauthenticated`; `invalid_request` for two headers, as who asks must not depend on which one is read */
  identify(request: IncomingMessage): Asker {
    const token = bearerToken(request);
    if (this.adminToken.matches(token)) return { kind: 'operator' };
    if (token?.startsWith('kwp_') === true) return { kind: 'person', token };
    throw new KeywardError('unauthenticated', 'Credentials are missing or not valid.');
  }

  /**
   * @param organization whose trail is asked for; undefined for every organization's
   * @throws KeywardError `unauthenticated`, `not_found` (no member), `forbidden`, `invalid_request` (a person names no organization),
   * `dependency_unavailable`
   */
  async require(asker: Asker, organization: string | undefined): Promise<Reader> {
    if (asker.kind === 'operator') return OPERATOR;
    if (organization === undefined)
      throw new KeywardError('invalid_request', 'Name the organization whose trail you want to read.');
    return { kind: 'person', id: await this.members.require(asker.token, organization) };
  }

  /** @throws KeywardError `forbidden` for anybody but the operator */
  requireOperator(asker: Asker): Reader {
    if (asker.kind === 'operator') return OPERATOR;
    throw new KeywardError('forbidden', 'Only the operator of the deployment may do this.');
  }
}
