import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mintServiceCreds, servicePermissions } from '@keyward/nats-accounts';
import { newId } from '@keyward/contracts';
import { createLogin } from '@keyward/postgres';
import { startService, type RunningService } from '@keyward/service-host';
import { waitFor } from '@keyward/testing';
import { auditService } from '../../apps/audit-service/src/service.js';
import { ADMIN_TOKEN, type AuthHarness } from './harness.js';
import { joinAs } from './members.js';
import { startSignIn, type OidcServer } from './oidc-server.js';

let auth: AuthHarness;
let oidc: OidcServer;
let audit: RunningService;
let url: string;
let directory: string;

beforeAll(async () => {
  ({ auth, oidc } = await startSignIn());
  await createLogin(auth.adminUrl, { service: 'audit', login: 'audit_members', password: 'audit' });
  const login = new URL(auth.adminUrl);
  [login.username, login.password] = ['audit_members', 'audit'];
  directory = mkdtempSync(join(tmpdir(), 'keyward-audit-'));
  const creds = join(directory, 'audit.creds');
  // With the rights that it has in production, and no others.
  writeFileSync(creds, await mintServiceCreds(auth.operator, 'KEYWARD', 'audit-service', servicePermissions('audit-service')));
  audit = await startService(auditService(), {
    KEYWARD_DATABASE_URL: login.href,
    KEYWARD_NATS_URL: auth.nats.url,
    KEYWARD_NATS_CREDS_FILE: creds,
    KEYWARD_HTTP_PORT: '0',
    KEYWARD_OPS_PORT: '0',
    KEYWARD_ADMIN_TOKEN: ADMIN_TOKEN,
    KEYWARD_LOG_LEVEL: 'fatal',
  });
  url = (await audit.started).httpUrl ?? '';
});
afterAll(async () => {
  await audit.stop();
  await auth.stop();
  await oidc.stop();
  rmSync(directory, { recursive: true });
});

async function read(query: string, token: string, path = '/v1/events') {
  const response = await fetch(`${url}${path}?${query}`, { headers: { authorization: `Bearer ${token}` } });
  const body = (await response.json()) as { code?: string; events?: { event: { org: string } }[] };
  return { status: response.status, code: body.code, events: body.events ?? [] };
}

describe('a member reads the audit trail', () => {
  it.each([
    ['owner', 200],
    ['admin', 200],
    ['auditor', 200],
    ['viewer', 403],
  ] as const)('as %s: %i', async (role, status) => {
    const { org } = await auth.tenant();
    const token = await joinAs(auth, oidc, org, role);
    await waitFor(async () => (await read(`organization=${org}`, ADMIN_TOKEN)).events.length > 0, {
      what: 'events of the organization',
    });
    const found = await read(`organization=${org}`, token);
    expect(found.status).toBe(status);
    expect(found.events.length > 0).toBe(status === 200);
    expect(found.events.every(({ event }) => event.org === org)).toBe(true);
    expect((await read(`organization=${org}`, token, '/v1/events/verify')).status).toBe(status);
  });

  it('of their own organization alone: another is answered as one that does not exist', async () => {
    const [ours, theirs] = [await auth.tenant(), await auth.tenant()];
    const token = await joinAs(auth, oidc, ours.org, 'owner');
    for (const path of ['/v1/events', '/v1/events/verify']) {
      const foreign = await read(`organization=${theirs.org}`, token, path);
      expect(foreign).toEqual({ status: 404, code: 'not_found', events: [] });
      expect(await read(`organization=${newId('org')}`, token, path)).toEqual(foreign);
    }
    expect(await read('', token)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('with a token that is somebody’s: not with one that is nobody’s, or an agent’s', async () => {
    const { org, agent } = await auth.tenant();
    const { body } = await auth.ask<{ key: string }>(`/v1/agents/${agent}/keys?organization=${org}`, { method: 'POST' });
    for (const token of [`kwp_${'x'.repeat(43)}`, 'kwp_', body.key, `${ADMIN_TOKEN}x`])
      expect(await read(`organization=${org}`, token)).toMatchObject({ status: 401, code: 'unauthenticated' });
  });
});
