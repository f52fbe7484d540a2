import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type {
  AuditRecord,
  AuditEventType,
  Connection,
  providerAppSchema,
  WebhookDelivery,
  WebhookEndpoint,
} from '@keyward/contracts';
import { ApiError } from '@keyward/sdk';
import { connectUser, walkConnectPages } from '@keyward/stack';
import { waitFor } from '@keyward/testing';
import type { z } from 'zod';
import { runProgram } from './support/run-program.js';
import { callTool, problemOf, wholeSystem } from './support/whole-system.js';

type Registration = z.infer<typeof providerAppSchema>;

/** Of the sandbox's access tokens: long enough to be renewed ahead, short enough to be outlived here. */
const LIFETIME_SECONDS = 10;
const PATIENCE = { timeoutMs: 3 * LIFETIME_SECONDS * 1000 };
// Each test waits for the end of a token, once or twice, and for programs that it starts.
jest.setTimeout(90_000);

describe('tokens that end', () => {
  const system = wholeSystem(() => ({ accessTokenTtlSeconds: LIFETIME_SECONDS }));
  let home: string;
  let id: string;
  beforeAll(async () => {
    home = mkdtempSync(path.join(os.tmpdir(), 'keyward-refresh-'));
    await connectUser(system.stack);
    const { org } = system.stack.info;
    const { connections } = await system.admin.get<{ connections: Connection[] }>(`/v1/connections?organization=${org}`);
    id = connections[0]?.id ?? '';
  });
  afterAll(() => rmSync(home, { recursive: true }));

  const connection = () => system.admin.get<Connection>(`/v1/connections/${id}?organization=${system.stack.info.org}`);
  const until = (isSo: (now: Connection) => boolean, what: string) =>
    waitFor(async () => ((now) => (isSo(now) ? now : undefined))(await connection()), { ...PATIENCE, what });
  const keyward = (input: string, ...args: string[]) =>
    runProgram('tools/cli/bin/keyward.mjs', args, { KEYWARD_HOME: system.stack.paths.dir, HOME: home }, input);
  const audited = async (type: AuditEventType): Promise<AuditRecord['event'][]> => {
    const query = `/v1/events?organization=${system.stack.info.org}&type=${type}&limit=200`;
    const { events } = await system.auditor.get<{ events: AuditRecord[] }>(query);
    return events.map(({ event }) => event).filter((event) => event.type === type);
  };
  /** The sum of a counter over its labels; 0 where it never counted. */
  const counted = async (service: 'tool-executor' | 'token-refresher', name: string): Promise<number> => {
    const url = system.stack.info.metrics[service];
    const text = await (await fetch(String(url))).text();
    expect(text).toContain(`# TYPE ${name} counter`);
    const samples = text.split('\n').filter((line) => line.startsWith(`${name}{`));
    return samples.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };

  it('are renewed before: calls go on for longer than a token lives, and none of them fails or waits for one that has ended', async () => {
    const begun = performance.now();
    const seen = new Set<string>();
    const outcomes = new Set<string>();
    while (seen.size < 2 || performance.now() - begun < 1.2 * LIFETIME_SECONDS * 1000) {
      const { state, attempts } = await callTool(system, 'sandbox_echo', { arguments: { message: 'still there' } });
      // A second attempt would be one after the provider has refused a token.
      outcomes.add(`${state} at attempt ${attempts}`);
      const { refresh } = await connection();
      if (refresh?.lastRefreshedAt) seen.add(refresh.lastRefreshedAt);
      if (performance.now() - begun > PATIENCE.timeoutMs) throw new Error(`refreshed ${seen.size} times only`);
    }
    expect([...outcomes]).toEqual(['succeeded at attempt 1']);
    expect(await counted('tool-executor', 'credential_expired_in_use_total')).toBe(0);
    expect(await counted('token-refresher', 'credential_found_expired_total')).toBe(0);
    expect((await connection()).refresh).toMatchObject({ kind: 'automatic', asleep: false, failures: 0, waiting: null });
    expect((await keyward('', 'connections', 'get', id)).stdout).toMatch(/^next refresh +by itself, 20/m);
  });

  it('a grant that was revoked at the provider is found out, told, and brought back by the person, as the same connection', async () => {
    const { info } = system.stack;
    // Nobody listens there without a token: that it was asked is all there is to see.
    const url = `${info.sandbox.url}/api/echo`;
    const endpoint = await system.admin.post<WebhookEndpoint>('/v1/webhook-endpoints', { organization: info.org, url });
    await system.levers.post('/sandbox/tokens/revoke', { user: info.sandbox.user });
    const waiting = await until(({ status }) => status === 'needs_reauthorization', 'the revoked grant is noticed');
    expect(waiting).toMatchObject({ reauthorizationAskedAt: expect.any(String), refresh: { kind: 'none', dueAt: null } });
    const problem = await problemOf(callTool(system, 'sandbox_list_notes'));
    expect(problem).toMatchObject({ code: 'needs_reauthorization', connectUrl: expect.stringContaining('/connect/') });
    await waitFor(async () => (await audited('connection.needs_reauthorization')).length === 1);
    const deliveries = `/v1/webhook-endpoints/${endpoint.id}/deliveries?organization=${info.org}`;
    const told = await waitFor(async () => {
      const answer = await system.admin.get<{ deliveries: WebhookDelivery[] }>(deliveries);
      return answer.deliveries.find(({ status }) => status !== null);
    }, PATIENCE);
    expect(told).toMatchObject({ type: 'connection.needs_reauthorization', connection: id, status: 401 });

    const listed = await keyward('', 'connections', 'list', '--status', 'needs_reauthorization');
    expect(listed.stdout).toContain(id);
    const link = await keyward('', 'connections', 'reauthorize', id, '--no-wait');
    expect({ code: link.code, stderr: link.stderr }).toEqual({ code: 0, stderr: '' });
    await walkConnectPages(link.stdout.trim(), info.sandbox);
    expect(await connection()).toMatchObject({ id, status: 'active', reauthorizationAskedAt: null, scopes: waiting.scopes });
    expect((await callTool(system, 'sandbox_list_notes')).state).toBe('succeeded');
  });

  it('a registration that the provider rejects costs no connection, and lets it go on once it has the right secret', async () => {
    const { org } = system.stack.info;
    const registration = async () => {
      const path = `/v1/provider-apps?organization=${org}`;
      const { providerApps } = await system.admin.get<{ providerApps: Registration[] }>(path);
      return providerApps.find(({ provider }) => provider === 'sandbox') as Registration;
    };
    const { clientId, redirectUri } = await registration();
    const secret = 'the-secret-that-the-provider-has-now-0123456789';
    await system.levers.post('/sandbox/clients', { client_id: clientId, client_secret: secret, redirect_uris: [redirectUri] });
    const rejected = await waitFor(async () => (await registration()).rejected ?? undefined, { ...PATIENCE, what: 'rejection' });
    expect(rejected.reason).toContain('(invalid_client)');
    expect(await until(({ refresh }) => refresh?.waiting !== null, 'it waits')).toMatchObject({
      status: 'active',
      refresh: { kind: 'automatic', waiting: 'provider_rejects_registration' },
    });
    expect((await keyward('', 'connections', 'list')).stdout).toContain('active (registration rejected)');
    const shown = await keyward('', 'providers', 'registrations');
    expect(shown.stdout).toMatch(/^sandbox +rejected +/m);
    expect(shown.stdout).toContain(`keyward providers register sandbox --client-id ${clientId}`);

    const replaced = await keyward(`${secret}\n`, 'providers', 'register', 'sandbox', '--client-id', clientId);
    expect({ code: replaced.code, stderr: replaced.stderr }).toEqual({ code: 0, stderr: '' });
    expect(await registration()).toMatchObject({ status: 'accepted', rejected: null });
    const failed = await callTool(system, 'sandbox_list_notes').then(
      ({ state }) => state,
      (error: unknown) => (error instanceof ApiError ? error.code : error),
    );
    expect(failed).toBe('succeeded');
    expect(await until(({ refresh }) => refresh?.failures === 0 && refresh.waiting === null, 'it goes on')).toMatchObject({
      id,
      status: 'active',
    });
    await waitFor(async () => (await audited('provider_app.accepted')).length === 1);
    expect(await audited('provider_app.rejected')).toHaveLength(1);
  });
});
