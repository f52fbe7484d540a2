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
  const person = { issuer: 'https://issuer.example', subject: org };
  return [
    ['identity.organization', { id: org, slug: org, name: 'Acme' }],
    ['identity.agent', { id: agent, org_id: org, slug: 'bot', name: 'Bot' }],
    ['identity.agent_key', { id: agentKey, org_id: org, agent_id: agent, secret_sha256: sha256, last_four: 'abcd' }],
    ['identity.member', { id: newId('mbr'), org_id: org, email: `${org}@acme.example`, role: 'admin' }],
    ['identity.trusted_issuer', { id: org, org_id: org, issuer: 'https://issuer.example', audience: org }],
    [
      'identity.workload_binding',
      { id: org, org_id: org, trusted_issuer_id: org, agent_id: agent, claims: { sub: 'system:serviceaccount:bots:bot' } },
    ],
    ['governance.agent_manifest', { agent_id: agent, org_id: org, version: 1, manifest: {}, applied_by: 'admin' }],
    ['governance.token_release', { org_id: org, agent_id: agent, provider: 'sandbox' }],
    ['governance.connector', { org_id: org, name: 'own', manifest: 'name: own' }],
    ['governance.connector_overlay', { org_id: org, connector: 'sandbox', definition: 'connector: sandbox' }],
    ['governance.budget', { id: org, org_id: org, name: 'all', period: 'day', max_calls: 10 }],
    ['execution.budget_use', { budget_id: org, org_id: org, measure: 'calls', period: 'day', starts_at: new Date(0) }],
    ['identity.person_session', { secret_sha256: sha256, kind: 'browser', ...person, expires_at: new Date() }],
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
  const sealed = {
    provider: 'sandbox',
    sealed_access: sha256,
    sealed_refresh: sha256,
    renewable: true,
    generation: 1,
    refresh_at: new Date(0),
  };
  const authorized = {
    scopes: ['notes:read'],
    requested_scopes: ['notes:read'],
    authorized_by_kind: 'user',
    authorized_by_id: 'ada',
  };
  return [
    ['vault.data_key', { id: dataKey, org_id: org, wrapped: sha256, kms_key_id: 'local', state: 'active' }],
    ['vault.provider_app', { id: app, org_id: org, provider: 'sandbox', client_id: 'client', callback_context: app }],
    ['vault.connection', { id: connection, org_id: org, ...held }],
    ['vault.credential', { connection_id: connection, org_id: org, ...sealed }],
    ['vault.connection_grantee', { connection_id: connection, org_id: org, agent_id: agent }],
    [
      'vault.connection_authorization',
      { id: newId('auz'), org_id: org, connection_id: connection, generation: 1, ...authorized },
    ],
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
  const device = {
    sealed_device_code: sha256,
    user_code: 'WDJB-MJHT',
    verification_uri: 'https://provider.example/device',
    interval_seconds: 5,
    next_poll_at: new Date(),
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
    ['connect.device_authorization', { session_id: session, org_id: org, provider_app_id: app, ...device }],
    [
      'connect.delivered_code',
      { provider_app_id: app, org_id: org, correlation_sha256: sha256, sealed_code: sha256, expires_at: new Date() },
    ],
  ];
}

function recordRows({ org, agent, sha256 }: SeededOrganization): [string, Row][] {
  const call = { agent_id: agent, user_id: 'ada', tool: 'sandbox_echo', request_hash: sha256, state: 'running' };
  const event = { at: new Date('2026-01-02T03:04:05.678Z'), type: 'agent.created', trace_id: '0'.repeat(32), body: '{}' };
  const endpoint = newId('whe');
  const hook = { url: 'https://acme.example/hook', events: ['connection.revoked'], sealed_secret: sha256 };
  const delivery = { type: 'connection.revoked', occurred_at: new Date(), provider: 'sandbox', connection_id: newId('conn') };
  const waits = {
    ...{
      agent_id: agent,
      user_id: 'usr_ada',
      tool: 'sandbox_echo',
      provider: 'sandbox',
      reason: 'connection_required',
      request: '{}',
    },
    ...{ trace_id: '', asked_at: new Date(), looked_at: new Date(), expires_at: new Date(Date.now() + 60_000) },
  };
  const artifact = {
    ...{ agent_id: agent, user_id: 'usr_ada', execution_id: newId('exe'), content_type: 'text/plain', bytes: 1, sha256 },
    expires_at: new Date(Date.now() + 60_000),
  };
  return [
    ['notification.webhook_endpoint', { id: endpoint, org_id: org, ...hook }],
    ['notification.webhook_delivery', { endpoint_id: endpoint, event_id: newId('msg'), org_id: org, ...delivery }],
    ['execution.execution', { id: newId('exe'), org_id: org, ...call }],
    ['execution.waiting', { id: newId('exe'), org_id: org, ...waits }],
    ['execution.cancellation', { id: newId('exe'), org_id: org, agent_id: agent }],
    ['execution.artifact', { id: newId('art'), org_id: org, ...artifact }],
    ['audit.event', { org_id: org, seq: 1, id: newId('evt'), ...event, prev_hash: sha256, hash: sha256 }],
    ['audit.chain_head', { org_id: org, seq: 1, hash: sha256 }],
    ['audit.checkpoint', { org_id: org, seq: 1, id: newId('ckp'), hash: sha256, at: new Date(), kid: 'kid', jws: 'jws' }],
    ['audit.hold', { id: newId('hld'), org_id: org, reason: 'dispute', placed_by: 'admin' }],
    ['audit.retention_cut', { org_id: org, seq: 1, hash: sha256, day: '2026-01-01', events: 1, jws: 'jws' }],
    ['audit.forward_destination', { name: org }],
    ['audit.forward_position', { destination: org, org_id: org, seq: 1 }],
    [
      'audit.usage_rollup',
      {
        ...{ org_id: org, day: '2026-01-02', agent_id: agent, user_id: 'ada', connector: 'x', tool: 'x_y', state: 'succeeded' },
        ...{ calls: 1, attempts: 1, duration_ms: 1, cost_micros: 0 },
      },
    ],
  ];
}
