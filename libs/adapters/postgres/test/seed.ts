import { randomBytes } from 'node:crypto';
import { newId } from '@keyward/contracts';
import type pg from 'pg';

type Row = Record<string, unknown>;

export interface SeededOrganization {
  org: string;
  agent: string;
  app: string;
  connection: string;
  agentKey: string;
  dataKey: string;
  /** Of the key, the session's token and the state alike. */
  sha256: Buffer;
}

/** One row in every table that belongs to an organization, made by the superuser. Its one user is `ada`, its provider `sandbox`. */
export async function seedOrganization(admin: pg.Client): Promise<SeededOrganization> {
  const seeded: SeededOrganization = {
    org: newId('org'),
    agent: newId('agt'),
    app: newId('app'),
    connection: newId('conn'),
    agentKey: newId('key'),
    dataKey: newId('dek'),
    sha256: randomBytes(32),
  };
  await admin.query(`SELECT audit.ensure_partition('2026-01-02')`);
  for (const [table, row] of [...identityRows(seeded), ...vaultRows(seeded), ...connectRows(seeded), ...recordRows(seeded)]) {
    const names = Object.keys(row);
    const places = names.map((_, index) => `$${index + 1}`);
    await admin.query(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places.join(', ')})`, Object.values(row));
  }
  return seeded;
}

function identityRows({ org, agent, agentKey, sha256 }: SeededOrganization): [string, Row][] {
  return [
    ['identity.organization', { id: org, slug: org, name: 'Acme' }],
    ['identity.agent', { id: agent, org_id: org, slug: 'bot', name: 'Bot' }],
    ['identity.agent_key', { id: agentKey, org_id: org, agent_id: agent, secret_sha256: sha256, last_four: 'abcd' }],
    ['governance.assignment', { id: newId('asg'), org_id: org, agent_id: agent, connector: 'sandbox', permission: 'write' }],
  ];
}

function vaultRows({ org, agent, app, connection, dataKey, sha256 }: SeededOrganization): [string, Row][] {
  const held = {
    user_id: 'ada',
    provider: 'sandbox',
    agent_id: agent,
    provider_app_id: app,
    status: 'active',
    scopes: ['notes:read'],
  };
  const sealed = { sealed_access: sha256, sealed_refresh: sha256, generation: 1, refresh_at: new Date(0) };
  return [
    ['vault.data_key', { id: dataKey, org_id: org, wrapped: sha256, kms_key_id: 'local', state: 'active' }],
    ['vault.provider_app', { id: app, org_id: org, provider: 'sandbox', client_id: 'client', callback_context: app }],
    ['vault.connection', { id: connection, org_id: org, ...held }],
    ['vault.credential', { connection_id: connection, org_id: org, ...sealed }],
    ['vault.provider_revocation', { connection_id: connection, org_id: org, provider: 'sandbox' }],
  ];
}

function connectRows({ org, agent, app, sha256 }: SeededOrganization): [string, Row][] {
  const session = newId('cse');
  const invitation = { agent_id: agent, user_id: 'ada', provider: 'sandbox', alias: 'default', scopes: [], state: 'created' };
  const initiator = { initiator_kind: 'admin', initiator_id: 'admin' };
  const transaction = {
    sealed_verifier: sha256,
    redirect_uri: 'https://keyward.example/oauth/callback/x',
    expires_at: new Date(),
  };
  return [
    [
      'connect.connect_session',
      { id: session, org_id: org, ...invitation, ...initiator, token_sha256: sha256, expires_at: new Date() },
    ],
    [
      'connect.authorization_transaction',
      { state_sha256: sha256, org_id: org, session_id: session, provider_app_id: app, ...transaction },
    ],
  ];
}

function recordRows({ org, agent, sha256 }: SeededOrganization): [string, Row][] {
  const call = { agent_id: agent, user_id: 'ada', tool: 'sandbox_echo', request_hash: sha256, state: 'running' };
  const event = { at: new Date('2026-01-02T03:04:05.678Z'), type: 'agent.created', trace_id: '0'.repeat(32), body: '{}' };
  return [
    ['execution.execution', { id: newId('exe'), org_id: org, ...call }],
    ['audit.event', { org_id: org, seq: 1, id: newId('evt'), ...event, prev_hash: sha256, hash: sha256 }],
    ['audit.chain_head', { org_id: org, seq: 1, hash: sha256 }],
  ];
}
