import {
  KeywardError,
  newId,
  type ControlRevoked,
  type createTrustedIssuerSchema,
  type trustedIssuerSchema,
} from '@keyward/contracts';
import { TrustedIssuerEntity, WorkloadBindingEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import { requireOrganization } from '../identity/agents.js';
import { notFound } from '../identity/not-found.js';
import { asConflict } from '../identity/unique.js';
import { recordAudit, type Actor } from '../records/record.js';
import { isIssuerUrl } from './issuer-url.js';

const NOT_A_URL = 'must be an https URL without user information, query and fragment; http only on a loopback address';

/** With each token of an issuer, what every organization binds of it is looked at. */
const MAX_PER_ORGANIZATION = 50;

export type TrustedIssuer = z.infer<typeof trustedIssuerSchema>;

/** Issuers whose tokens say who a workload of the organization is. */
export class TrustedIssuers {
  constructor(
    private readonly dataSource: DataSource,
    private readonly broadcast: (revoked: ControlRevoked) => Promise<void>,
  ) {}

  /** @throws KeywardError `not_found` (organization), `invalid_request`, `conflict`, `dependency_unavailable` */
  async add(request: z.infer<typeof createTrustedIssuerSchema>, actor: Actor): Promise<TrustedIssuer> {
    const { organization: org, issuer, audience, jwksUri = null } = request;
    if (!isIssuerUrl(issuer)) throw refuse('/issuer', NOT_A_URL);
    if (jwksUri !== null && !isIssuerUrl(jwksUri, { query: true })) throw refuse('/jwksUri', NOT_A_URL);
    // Tokens that two organizations claim are nobody's: none may be able to claim another's.
    if (!audience.includes(org)) throw refuse('/audience', `must name the organization, as keyward:${org} does`);
    const row = { id: newId('iss'), orgId: org, issuer, audience, jwksUri, createdAt: new Date() };
    await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      if ((await em.countBy(TrustedIssuerEntity, { orgId: org })) >= MAX_PER_ORGANIZATION)
        throw new KeywardError('conflict', `An organization trusts at most ${MAX_PER_ORGANIZATION} issuers.`);
      await em.insert(TrustedIssuerEntity, row);
      await recordAudit(em, { type: 'trusted_issuer.added', org, actor, reason: `${row.id}: ${issuer}, audience ${audience}` });
    }).catch(asConflict('The organization trusts this issuer for this audience already.'));
    return toTrustedIssuer(row);
  }

  /** @throws KeywardError `not_found` (organization), `dependency_unavailable` */
  async list(org: string): Promise<{ trustedIssuers: TrustedIssuer[] }> {
    const rows = await withOrg(this.dataSource, org, async (em) => {
      await requireOrganization(em, org);
      return em.find(TrustedIssuerEntity, { where: { orgId: org }, order: { id: 'DESC' } });
    });
    return { trustedIssuers: rows.map(toTrustedIssuer) };
  }

  /** With its bindings. Whoever was known by them is forgotten at once. @throws KeywardError `not_found`, `dependency_unavailable` */
  async remove(org: string, id: string, actor: Actor): Promise<TrustedIssuer> {
    const { row, agents } = await withOrg(this.dataSource, org, async (em) => {
      const owner = { id, orgId: org };
      const found = await em.findOneBy(TrustedIssuerEntity, owner);
      if (found === null) throw notFound('iss');
      const bindings = await em.findBy(WorkloadBindingEntity, { orgId: org, trustedIssuerId: id });
      await em.delete(TrustedIssuerEntity, owner);
      await recordAudit(em, { type: 'trusted_issuer.removed', org, actor, reason: `${id}: ${found.issuer}` });
      return { row: found, agents: new Set(bindings.map(({ agentId }) => agentId)) };
    });
    for (const agent of agents) await this.broadcast({ kind: 'agent', org, agent });
    return toTrustedIssuer(row);
  }
}

function toTrustedIssuer({ id, orgId, issuer, audience, jwksUri, createdAt }: TrustedIssuerEntity): TrustedIssuer {
  return { id, organization: orgId, issuer, audience, jwksUri, createdAt: createdAt.toISOString() };
}

function refuse(pointer: string, detail: string): KeywardError {
  return new KeywardError('invalid_request', `The issuer can not be trusted (${pointer}: ${detail}).`, {
    details: { errors: [{ pointer, detail }] },
  });
}
