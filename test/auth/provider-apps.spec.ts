import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { EvilHarness } from './evil.js';
import type { AuthHarness } from './harness.js';

let here: EvilHarness;
let auth: AuthHarness;
beforeAll(async () => {
  here = await EvilHarness.start();
  ({ auth } = here);
});
afterAll(() => here.stop());

describe('cross-tenant provider app', () => {
  it('another organization’s registration is not there: not to see, replace, remove or come back to', async () => {
    const [ours, theirs] = [await here.victim(), await auth.tenant()];
    const path = `/v1/provider-apps/${ours.evil.id}`;
    const body = { organization: theirs.org, clientId: 'x', clientSecret: 'y' };
    const answers = [
      await auth.ask(`${path}?organization=${theirs.org}`),
      await auth.ask(path, { method: 'PUT', body }),
      await auth.ask(`${path}?organization=${theirs.org}`, { method: 'DELETE' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    // Nor is its connector.
    const session = await auth.ask('/v1/connect-sessions', {
      body: { organization: theirs.org, agent: theirs.agent, user: 'usr_ada', provider: 'evil' },
    });
    expect(session).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  it('is never answered with a secret, and is not removed while a connection lives by it', async () => {
    const tenant = await here.victim();
    const path = `/v1/provider-apps/${tenant.evil.id}?organization=${tenant.org}`;
    const shown = await auth.ask(path);
    expect(JSON.stringify(shown.body)).not.toContain('canary');
    await here.attempt(tenant);
    expect(await auth.ask(path, { method: 'DELETE' })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    const [connection] = await auth.connections(tenant);
    expect(
      (await auth.ask(`/v1/connections/${connection?.id}?organization=${tenant.org}`, { method: 'DELETE' })).status,
    ).toBeLessThan(300);
    // The provider is asked to revoke with it first.
    await waitFor(async () => (await auth.ask(path, { method: 'DELETE' })).status === 204);
    expect((await auth.ask(path)).status).toBe(404);
  });
});
