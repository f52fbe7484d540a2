import type { Connection, ControlRevoked } from '@keyward/contracts';
import { ConnectionEntity, CredentialEntity, withOrg } from '@keyward/postgres';
import { Not, type DataSource, type EntityManager } from 'typeorm';
import { recordAudit, recordConnectionEvent, type Actor } from '../records/record.js';
import { readConnection } from './connections.js';

/**
 * Disconnecting. First everything here, in one transaction: the status, which every call reads, the event, the audit record and the
 * order to revoke at the provider. Then the broadcast, so that calls in flight end. The provider is asked afterwards, as often as it
 * takes, by ProviderRevocations.
 */
export class Disconnect {
  constructor(
    private readonly dataSource: DataSource,
    private readonly broadcast: (revoked: ControlRevoked) => Promise<void>,
    private readonly revokeAtProvider: () => void,
  ) {}

  /** Disconnecting twice changes nothing. @throws KeywardError `not_found`, `dependency_unavailable` */
  async disconnect(org: string, id: string, actor: Actor): Promise<Connection> {
    const connection = await withOrg(this.dataSource, org, async (em) => {
      const change = { status: 'revoked' as const, statusReason: 'disconnected', updatedAt: new Date() };
      const { affected } = await em.update(ConnectionEntity, { id, orgId: org, status: Not('revoked') }, change);
      if (affected === 1) await this.#recordIn(em, org, id, actor);
      return readConnection(em, org, id);
    });
    // Repeated as well: whoever asks again may do so because some process did not hear it.
    await this.broadcast({ kind: 'connection', org, connection: id });
    this.revokeAtProvider();
    return connection;
  }

  async #recordIn(em: EntityManager, org: string, id: string, actor: Actor): Promise<void> {
    const { userId: user, provider, agentId: agent } = await em.findOneByOrFail(ConnectionEntity, { id, orgId: org });
    const credential = await em.findOne(CredentialEntity, {
      select: { connectionId: true, generation: true },
      where: { connectionId: id, orgId: org },
    });
    const generation = credential?.generation ?? 0;
    const ref = { org, connection: id, user, provider, agent };
    await em.query('INSERT INTO vault.provider_revocation (connection_id, org_id, provider) VALUES ($1, $2, $3)', [
      id,
      org,
      provider,
    ]);
    await recordConnectionEvent(em, 'revoked', ref, { generation, reason: 'disconnected' });
    await recordAudit(em, { type: 'connection.revoked', ...ref, actor, generation, reason: 'disconnected' });
  }
}
