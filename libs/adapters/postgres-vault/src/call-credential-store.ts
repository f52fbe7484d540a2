import type { ConnectionStatus, PermissionLevel } from '@keyward/contracts';
import type { CallConnection, CallCredential, CallCredentialStore, CallQuery } from '@keyward/credentials';
import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

interface CallRow {
  permission: PermissionLevel | null;
  tools: string[] | null;
  connection_id: string | null;
  status: ConnectionStatus;
  status_reason: string | null;
  scopes: string[];
  /** null: no credential was stored yet. */
  generation: number | null;
  sealed_access: Buffer | null;
  access_expires_at: Date | null;
  refreshable: boolean;
}

const OPEN = {
  name: 'vault.open_for_call',
  text: `SELECT permission, tools, connection_id, status, status_reason, scopes, generation, sealed_access, access_expires_at, refreshable
         FROM vault.open_for_call($1, $2, $3, $4, $5, $6, $7)`,
};

function toConnection(id: string, row: CallRow): CallConnection {
  return {
    id,
    status: row.status,
    statusReason: row.status_reason,
    scopes: row.scopes,
    generation: row.generation ?? 0,
    sealedAccess: row.sealed_access,
    accessExpiresAt: row.access_expires_at,
    refreshable: row.refreshable,
  };
}

/** The executor's hot read: one prepared statement, one row. */
export function createCallCredentialStore(dataSource: DataSource): CallCredentialStore {
  return {
    async openForCall(query: CallQuery): Promise<CallCredential> {
      const { org, agent, user, connector, provider, alias, connection = null } = query;
      const values = [org, agent, user, connector, provider, alias, connection];
      const [row] = await prepared<CallRow>(dataSource, OPEN, values);
      if (row === undefined) return { permission: null, tools: null, connection: null };
      const { permission, tools, connection_id: id } = row;
      return { permission, tools, connection: id === null ? null : toConnection(id, row) };
    },
  };
}
