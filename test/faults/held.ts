import type { ConnectionStatus } from '@keyward/contracts';
import type { FaultConnection, FaultWorld } from './fault-world.js';

/** What we hold of a connection, read as the owner of the database and opened. */
export interface Held {
  status: ConnectionStatus;
  reason: string | null;
  generation: number;
  leased: boolean;
  /** `sent_at` is set. */
  sent: boolean;
  failures: number;
  /** By the database's clock; null: nobody knows. */
  accessExpired: boolean | null;
  accessToken: string;
  refreshToken: string;
}

const READ = `
SELECT c.status, c.status_reason AS reason, k.generation, k.lease_owner IS NOT NULL AS leased, k.sent_at IS NOT NULL AS sent, k.failures,
       k.access_expires_at <= clock_timestamp() AS expired, k.sealed_access, k.sealed_refresh
FROM vault.connection c LEFT JOIN vault.credential k ON k.connection_id = c.id WHERE c.id = $1`;

interface Row {
  status: ConnectionStatus;
  reason: string | null;
  /** All of these are null where the credential has been deleted. */
  generation: number | null;
  leased: boolean;
  sent: boolean;
  failures: number;
  expired: boolean | null;
  sealed_access: Buffer;
  sealed_refresh: Buffer;
}

/** @returns no tokens, and generation 0, where the connection was revoked and its credential deleted */
export async function readHeld({ world }: FaultWorld, { org, connection }: FaultConnection): Promise<Held> {
  const { rows } = await world.admin.query<Row>(READ, [connection]);
  const [row] = rows;
  if (row === undefined) throw new Error(`${connection} is gone`);
  const { status, reason, generation, leased, sent, failures, expired: accessExpired } = row;
  const held = { status, reason, leased, sent, failures, accessExpired };
  if (generation === null) return { ...held, generation: 0, leased: false, sent: false, accessToken: '', refreshToken: '' };
  const ref = { org, connection, generation };
  const [accessToken, refreshToken] = await Promise.all([
    world.credentials.open({ ...ref, sealedAccess: row.sealed_access }, async (token) => token),
    world.credentials.openRefreshToken({ ...ref, sealedRefresh: row.sealed_refresh }, async (token) => token),
  ]);
  return { ...held, generation, accessToken, refreshToken };
}
