import type { Connection, ControlRevoked } from '@keyward/contracts';
import { withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { Actor } from '../records/record.js';
import { readConnection, requireConnection } from './read-connection.js';
import { revokeBatch } from './revoke-batch.js';

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
    await withOrg(this.dataSource, org, async (em) => {
      const { revoked } = await revokeBatch(em, { org, id, actor, reason: 'disconnected' });
      if (revoked === 0) await requireConnection(em, org, id);
    });
    // Before anything else is read. Repeated as well: whoever asks again may do so because some process did not hear it.
    const told = this.broadcast({ kind: 'connection', org, connection: id });
    this.revokeAtProvider();
    const connection = await withOrg(this.dataSource, org, (em) => readConnection(em, org, id));
    await told;
    return connection;
  }
}
