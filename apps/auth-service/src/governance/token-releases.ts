import type { Catalog } from '@keyward/connectors';
import { KeywardError, type AgentAddress, type TokenRelease } from '@keyward/contracts';
import { TokenReleaseEntity, withOrg } from '@keyward/postgres';
import type { DataSource, EntityManager } from 'typeorm';
import { requireAgent } from '../identity/agents.js';
import { recordAudit, type Actor } from '../records/record.js';

interface ReleaseKey extends AgentAddress {
  provider: string;
}

/** Which agents may be handed access tokens themselves. Without a row here, get_access_token is refused. */
export class TokenReleases {
  constructor(
    private readonly dataSource: DataSource,
    private readonly catalogOf: (org: string) => Promise<Catalog>,
  ) {}

  /** @throws KeywardError `not_found` (agent), `dependency_unavailable` */
  async get(key: ReleaseKey): Promise<TokenRelease> {
    return withOrg(this.dataSource, key.org, async (em) => {
      await requireAgent(em, key.org, key.agent);
      return read(em, key);
    });
  }

  /** Granting twice changes nothing. @throws KeywardError `not_found` (agent), `invalid_request` (provider), `dependency_unavailable` */
  async grant(key: ReleaseKey, actor: Actor): Promise<TokenRelease> {
    const catalog = await this.catalogOf(key.org);
    if (catalog.connector(key.provider) === undefined) {
      throw new KeywardError('invalid_request', 'There is no connector of this name.', {
        details: { errors: [{ pointer: '/provider', detail: 'there is no connector of this name' }] },
      });
    }
    return withOrg(this.dataSource, key.org, async (em) => {
      await requireAgent(em, key.org, key.agent);
      const row = { orgId: key.org, agentId: key.agent, provider: key.provider };
      const { raw } = await em
        .createQueryBuilder()
        .insert()
        .into(TokenReleaseEntity)
        .values(row)
        .orIgnore()
        .returning('*')
        .execute();
      if ((raw as unknown[]).length > 0) await recordAudit(em, { type: 'token_release.granted', ...key, actor });
      return read(em, key);
    });
  }

  /** Withdrawing twice changes nothing. What was handed out before stays with who has it. @throws KeywardError as `get` */
  async withdraw(key: ReleaseKey, actor: Actor): Promise<TokenRelease> {
    return withOrg(this.dataSource, key.org, async (em) => {
      await requireAgent(em, key.org, key.agent);
      const { affected } = await em.delete(TokenReleaseEntity, {
        orgId: key.org,
        agentId: key.agent,
        provider: key.provider,
      });
      if (affected === 1) await recordAudit(em, { type: 'token_release.withdrawn', ...key, actor });
      return read(em, key);
    });
  }
}

/** Asked where the token is, in the transaction that records its release. */
export async function isReleased(em: EntityManager, { org, agent, provider }: ReleaseKey): Promise<boolean> {
  return em.existsBy(TokenReleaseEntity, { orgId: org, agentId: agent, provider });
}

async function read(em: EntityManager, { org, agent, provider }: ReleaseKey): Promise<TokenRelease> {
  const row = await em.findOneBy(TokenReleaseEntity, { orgId: org, agentId: agent, provider });
  return { agent, provider, granted: row !== null, createdAt: row?.createdAt.toISOString() ?? null };
}
