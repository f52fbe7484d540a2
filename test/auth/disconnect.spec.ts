import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Connection, ControlRevoked } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { Browser } from './browser.js';
import { AuthHarness, type Tenant } from './harness.js';

let auth: AuthHarness;
beforeAll(async () => {
  auth = await AuthHarness.start();
});
afterAll(() => auth.stop());

async function connected(): Promise<{ tenant: Tenant; id: string; path: string }> {
  const tenant = await auth.tenant();
  await new Browser().connect((await auth.session(tenant)).url);
  const [connection] = await auth.connections(tenant);
  const id = connection?.id ?? '';
  return { tenant, id, path: `/v1/connections/${id}?organization=${tenant.org}` };
}

const get = async (path: string) => (await auth.ask<Connection>(path)).body;
const grantsOf = async (client: string) => {
  const { grants } = await auth.manageSandbox<{ grants: { client: string }[] }>('tokens');
  return grants.filter((grant) => grant.client === client);
};
const clientOf = async ({ org }: Tenant) => {
  const { body } = await auth.ask<{ providerApps: { clientId: string }[] }>(`/v1/provider-apps?organization=${org}`);
  return body.providerApps[0]?.clientId ?? '';
};
const credentials = async (id: string) =>
  (await auth.database.query('SELECT 1 FROM vault.credential WHERE connection_id = $1', [id])).rowCount;

const attempts = async (id: string) => {
  const { rows } = await auth.database.query<{ attempts: number }>(
    'SELECT attempts FROM vault.provider_revocation WHERE connection_id = $1',
    [id],
  );
  return rows[0]?.attempts ?? 0;
};
const clearFaults = () =>
  fetch(`${auth.sandbox.url}/sandbox/faults`, {
    method: 'DELETE',
    headers: { authorization: 'Bearer management-token-of-tests' },
  });

describe('disconnecting', () => {
  it('ends the connection here at once, then at the provider, then deletes the credential', async () => {
    const { tenant, id, path } = await connected();
    const heard: ControlRevoked[] = [];
    const subscription = auth.nc.subscribe('control.revoked', { callback: (_error, message) => void heard.push(message.json()) });
    await auth.nc.flush();

    const { status, body } = await auth.ask<Connection>(path, { method: 'DELETE' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, status: 'revoked', statusReason: 'disconnected', revocation: { state: 'pending' } });
    await waitFor(() => heard.length > 0);
    expect(heard).toEqual([{ kind: 'connection', org: tenant.org, connection: id }]);
    subscription.unsubscribe();

    const settled = await waitFor(async () => {
      const connection = await get(path);
      return connection.revocation?.state === 'confirmed' ? connection : undefined;
    });
    expect(settled.revocation).toMatchObject({ attempts: 1 });
    expect(await credentials(id)).toBe(0);
    expect(await grantsOf(await clientOf(tenant))).toEqual([]);
    expect(await auth.auditEvent(tenant.org, 'connection.revoked')).toMatchObject({ connection: id, actor: { kind: 'admin' } });
    expect(await auth.auditEvent(tenant.org, 'connection.revoked_at_provider')).toMatchObject({
      connection: id,
      reason: 'confirmed',
    });
    const events = await auth.connectionEvents(tenant.org);
    expect(events.map(({ event }) => event)).toEqual(['authorized', 'revoked']);
  });

  it('twice is once', async () => {
    const { tenant, id, path } = await connected();
    await Promise.all([auth.ask(path, { method: 'DELETE' }), auth.ask(path, { method: 'DELETE' })]);
    expect((await auth.ask(path, { method: 'DELETE' })).status).toBe(200);
    await auth.auditEvent(tenant.org, 'connection.revoked_at_provider');
    const events = (await auth.auditEvents(tenant.org)).filter((event) => event.connection === id);
    expect(events.map(({ type }) => type)).toEqual([
      'connection.authorized',
      'connection.revoked',
      'connection.revoked_at_provider',
    ]);
  });

  it('makes room for a new connection with an id of its own', async () => {
    const { tenant, id, path } = await connected();
    await auth.ask(path, { method: 'DELETE' });
    await new Browser().connect((await auth.session(tenant)).url);
    const connections = await auth.connections(tenant);
    expect(connections.map(({ status }) => status)).toEqual(['active', 'revoked']);
    expect(connections[0]?.id).not.toBe(id);
  });

  it('is asked of the provider again, after a 503, a lost answer and a restart, until there is a receipt', async () => {
    const { tenant, id, path } = await connected();
    await auth.manageSandbox('faults', { kind: 'fail', endpoint: 'revocation', status: 503, count: 1000 });
    await auth.ask(path, { method: 'DELETE' });
    await waitFor(async () => ((await get(path)).revocation?.attempts ?? 0) > 0);
    expect(await get(path)).toMatchObject({ status: 'revoked', revocation: { state: 'pending' } });
    expect(await credentials(id)).toBe(1);

    await auth.stopServices();
    await clearFaults();
    await auth.manageSandbox('faults', { kind: 'drop', endpoint: 'revocation', count: 1 });
    const before = await attempts(id);
    await auth.database.query('UPDATE vault.provider_revocation SET next_attempt_at = now() WHERE connection_id = $1', [id]);
    await auth.startReplica();
    await waitFor(async () => (await attempts(id)) > before);
    await auth.database.query('UPDATE vault.provider_revocation SET next_attempt_at = now() WHERE connection_id = $1', [id]);
    const settled = await waitFor(async () => {
      const connection = await get(path);
      return connection.revocation?.state === 'confirmed' ? connection : undefined;
    });
    expect(settled.revocation?.attempts).toBeGreaterThan(before + 1);
    expect(await credentials(id)).toBe(0);
    expect(await grantsOf(await clientOf(tenant))).toEqual([]);
  });

  it('of which the provider wants to know nothing ends with that on record, and the credential is deleted', async () => {
    const { tenant, id, path } = await connected();
    await auth.manageSandbox('faults', {
      kind: 'fail',
      endpoint: 'revocation',
      status: 400,
      error: 'unsupported_token_type',
      count: 1,
    });
    await auth.ask(path, { method: 'DELETE' });
    await waitFor(async () => (await get(path)).revocation?.state === 'refused');
    expect(await credentials(id)).toBe(0);
    expect((await auth.auditEvent(tenant.org, 'connection.provider_revocation_failed')).reason).toBe('refused');
  });

  it('that no provider answers for a month is given up, on record', async () => {
    const { tenant, id, path } = await connected();
    await auth.manageSandbox('faults', { kind: 'fail', endpoint: 'revocation', status: 503, count: 1000 });
    await auth.ask(path, { method: 'DELETE' });
    await waitFor(async () => ((await get(path)).revocation?.attempts ?? 0) > 0);
    await auth.database.query(
      `UPDATE vault.provider_revocation SET next_attempt_at = now(), requested_at = now() - interval '31 days' WHERE connection_id = $1`,
      [id],
    );
    await waitFor(async () => (await get(path)).revocation?.state === 'given_up');
    expect(await credentials(id)).toBe(0);
    expect((await auth.auditEvent(tenant.org, 'connection.provider_revocation_failed')).reason).toBe('given_up');
    await clearFaults();
  });
});
