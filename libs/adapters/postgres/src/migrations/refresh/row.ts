const msUntil = (column: string) => `(extract(epoch FROM ${column} - clock_timestamp()) * 1000)::double precision`;
const msSince = (column: string) => `(extract(epoch FROM clock_timestamp() - ${column}) * 1000)::double precision`;

/** Of a credential `k`, its connection `c` and its registration `a`: each column of what a refresh needs, with its type. Times are lengths. */
const COLUMNS: [name: string, type: string, expression: string][] = [
  ['org_id', 'text', 'k.org_id'],
  ['connection_id', 'text', 'k.connection_id'],
  ['kind', 'text', 'c.kind'],
  ['agent_id', 'text', 'c.agent_id'],
  ['user_id', 'text', 'c.user_id'],
  ['provider', 'text', 'c.provider'],
  ['alias', 'text', 'c.alias'],
  ['status', 'text', 'c.status'],
  ['scopes', 'text[]', 'c.scopes'],
  [
    'requested_scopes',
    'text[]',
    `(SELECT z.requested_scopes FROM vault.connection_authorization z WHERE z.org_id = c.org_id AND z.connection_id = c.id
      ORDER BY z.authorized_at DESC, z.id DESC LIMIT 1)`,
  ],
  ['parameters', 'jsonb', 'c.parameters'],
  ['generation', 'integer', 'k.generation'],
  ['sealed_access', 'bytea', 'k.sealed_access'],
  ['sealed_refresh', 'bytea', 'k.sealed_refresh'],
  ['renewable', 'boolean', 'k.renewable'],
  ['access_expires_in_ms', 'double precision', msUntil('k.access_expires_at')],
  ['refresh_in_ms', 'double precision', msUntil('k.refresh_at')],
  ['awake_refresh_in_ms', 'double precision', msUntil('k.awake_refresh_at')],
  ['refresh_expires_in_ms', 'double precision', msUntil('k.refresh_expires_at')],
  ['obtained_ms_ago', 'double precision', msSince('k.obtained_at')],
  ['unused_ms', 'double precision', msSince('k.last_used_at')],
  ['sent_ms_ago', 'double precision', msSince('k.sent_at')],
  ['failures', 'integer', 'k.failures'],
  ['lease_owner', 'text', 'k.lease_owner'],
  ['app_id', 'text', 'a.id'],
  ['client_id', 'text', 'a.client_id'],
  ['sealed_secret', 'bytea', 'a.sealed_secret'],
  ['sealed_key', 'bytea', 'a.sealed_key'],
  ['certificate', 'text', 'a.certificate'],
  ['app_parameters', 'jsonb', 'a.parameters'],
  ['metadata', 'jsonb', 'a.metadata'],
  ['app_generation', 'integer', 'a.generation'],
  ['app_rejected_ms_ago', 'double precision', msSince('a.rejected_at')],
  ['app_rejections', 'integer', 'a.rejections'],
];

/** A row type of its own, since three functions return it. */
export const ROW = `
CREATE TYPE vault.refreshable AS (${COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ')});
`;

export const SELECT_ROW = `SELECT ${COLUMNS.map(([, , expression]) => expression).join(', ')}`;
export const JOIN_ROW = `
    JOIN vault.connection c ON c.id = k.connection_id AND c.org_id = k.org_id
    LEFT JOIN vault.provider_app a ON a.id = c.provider_app_id AND a.org_id = c.org_id`;
