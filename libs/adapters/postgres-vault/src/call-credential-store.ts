import type { ConnectionKind, ConnectionStatus, PermissionLevel } from '@keyward/contracts';
import type {
  CallConnection,
  CallCredential,
  CallCredentialStore,
  CallQuery,
  SealedClientCertificate,
} from '@keyward/credentials';
import { prepared } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { RoundTrips } from './round-trips.js';

interface CertificateRow {
  app: string;
  generation: number;
  certificate: string;
  /** Base64. */
  sealed_key: string | null;
}

interface CallRow {
  permission: PermissionLevel | null;
  tools: string[] | null;
  connection_id: string | null;
  kind: ConnectionKind;
  alias: string;
  status: ConnectionStatus;
  status_reason: string | null;
  scopes: string[];
  /** null: no credential was stored yet. */
  generation: number | null;
  sealed_access: Buffer | null;
  access_expires_in_ms: number | null;
  refreshable: boolean;
  parameters: Record<string, string>;
  /** null, as is the next: without a registration. */
  client_id: string | null;
  app_parameters: Record<string, string> | null;
  /** null: the registration has no certificate, or the connection is not active. */
  client_certificate: CertificateRow | null;
}

const COLUMNS = [
  'permission, tools, connection_id, kind, alias, status, status_reason, scopes',
  'generation, sealed_access, access_expires_in_ms, refreshable, parameters, client_id, app_parameters, client_certificate',
].join(', ');

const OPEN_ONE = {
  name: 'vault.open_for_call',
  text: `SELECT ${COLUMNS} FROM vault.open_for_call($1, $2, $3, $4, $5, $6, $7)`,
};

const OPEN_MANY = {
  name: 'vault.open_for_call of many',
  text: `SELECT ${COLUMNS}
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
              WITH ORDINALITY AS q (org, agent, person, connector, provider, wanted, connection, place)
         CROSS JOIN LATERAL vault.open_for_call(q.org, q.agent, q.person, q.connector, q.provider, q.wanted, q.connection)
         ORDER BY q.place`,
};

function toValues({ org, agent, user, connector, provider, alias, connection }: CallQuery): (string | null)[] {
  return [org, agent, user, connector, provider, alias, connection ?? null];
}

function toConnection(id: string, row: CallRow, readAt: number): CallConnection {
  return {
    id,
    kind: row.kind,
    alias: row.alias,
    status: row.status,
    statusReason: row.status_reason,
    scopes: row.scopes,
    generation: row.generation ?? 0,
    sealedAccess: row.sealed_access,
    accessExpiresInMs: row.access_expires_in_ms,
    readAt,
    refreshable: row.refreshable,
    parameters: row.parameters,
    clientId: row.client_id,
    appParameters: row.app_parameters ?? {},
    clientCertificate: toCertificate(row.client_certificate),
  };
}

function toCertificate(row: CertificateRow | null): SealedClientCertificate | null {
  if (row === null || row.sealed_key === null) return null;
  const { app, generation, certificate, sealed_key: sealed } = row;
  return { app, generation, certificate, sealedKey: Buffer.from(sealed, 'base64') };
}

function toCredential(row: CallRow, readAt: number): CallCredential {
  const { permission, tools, connection_id: id } = row;
  return { permission, tools, connection: id === null ? null : toConnection(id, row, readAt) };
}

/** The executor's hot read: one row per call, read anew for each; calls that ask at the same time share the round trip. */
export function createCallCredentialStore(dataSource: DataSource): CallCredentialStore {
  const trips = new RoundTrips<CallQuery, CallCredential>(async (queries) => {
    const values = queries.map(toValues);
    const [only] = values;
    const readAt = performance.now();
    const rows =
      values.length === 1 && only !== undefined
        ? await prepared<CallRow>(dataSource, OPEN_ONE, only)
        : await prepared<CallRow>(dataSource, OPEN_MANY, transposed(values));
    return rows.map((row) => toCredential(row, readAt));
  });
  return { openForCall: (query) => trips.answer(query) };
}

/** Rows of seven values to seven columns. */
function transposed(rows: (string | null)[][]): (string | null)[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? null));
}
