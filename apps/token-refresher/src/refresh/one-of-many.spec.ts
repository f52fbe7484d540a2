import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { environmentOf, OddProvider } from '../../test/odd-provider.js';
import { World } from '../../test/world.js';

const DECLARED = `auth: { kind: oauth2_authorization_code, authorization_endpoint: 'URL/auth', token_endpoint: 'URL/token' }
refresh: { rotates: false }`;

let world: World;
let provider: OddProvider;

beforeAll(async () => {
  world = await World.create();
  provider = await OddProvider.start(world, 'picky');
  // As some servers answer to a refresh token that was issued to the client id before.
  provider.answer = ({ parameters }) =>
    parameters['refresh_token'] === 'of-the-earlier-client'
      ? { status: 401, body: { error: 'unauthorized_client' } }
      : { body: { access_token: 'access-2', token_type: 'Bearer', expires_in: 3600 } };
  const environment = await environmentOf(world, [[provider, DECLARED]]);
  await Promise.all([world.startRefresher(environment), world.startRefresher(environment)]);
});
afterAll(() => world.close());

const told = (event: string) => world.published('connections', `provider_app.${event}.${world.org}`);

/** The registration is tried, and the first that waits for it is due. */
async function itIsTime(): Promise<void> {
  await world.admin.query(`UPDATE vault.provider_app SET rejected_retry_at = now() WHERE provider = 'picky'`);
}

it('one connection that a provider calls unauthorized holds back the others of its registration once, and never again', async () => {
  const alone = await provider.connect({ material: 'of-the-earlier-client', refreshInMs: 0 });
  await waitFor(async () => (await told('rejected')).length === 1, { timeoutMs: 20_000 });
  const other = await provider.connect({ material: 'fine', refreshInMs: 0 });
  await waitFor(async () => ((await world.row(other)).refreshInMs ?? 0) > 0, { timeoutMs: 20_000 });
  const dueIn = async (of: typeof other) => (await world.row(of)).refreshInMs ?? 0;
  expect(await dueIn(alone)).toBeGreaterThan(await dueIn(other));

  await itIsTime();
  await world.admin.query('UPDATE vault.credential SET refresh_at = now() WHERE connection_id = $1', [other.connection]);
  await waitFor(async () => (await told('accepted')).length === 1, { timeoutMs: 20_000 });
  expect((await world.row(other)).generation).toBe(2);

  await world.admin.query('UPDATE vault.credential SET refresh_at = now() WHERE connection_id = $1', [alone.connection]);
  await waitFor(async () => (await world.row(alone)).failures > 1, { timeoutMs: 20_000 });
  expect(await world.row(alone)).toMatchObject({ status: 'active', generation: 1 });
  expect(await told('rejected')).toHaveLength(1);
  expect(await world.metric('provider_apps_rejected')).toBe(0);
});
