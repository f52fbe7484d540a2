import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { Browser } from './browser.js';
import { AuthHarness, type Answer } from './harness.js';

/** A provider that everyone runs on a host of their own, named where the app is registered. */
const manifest = (auth: string) => `name: hosted
title: Hosted
app_parameters:
  host: { title: Host, type: hostname }
  key: { title: Key, type: identifier, default: one }
auth: ${auth}
base_url: https://\${app.host}
origins: ['https://\${app.host}']
headers: { x-key: '\${app.key}' }
`;
const CODE = `
  kind: oauth2_authorization_code
  authorization_endpoint: https://\${app.host}/authorize
  token_endpoint: https://\${app.host}/token
  token_endpoint_auth_method: client_secret_post`;

interface Team {
  org: string;
  agent: string;
  app: string;
}

let auth: AuthHarness;
beforeAll(async () => {
  auth = await AuthHarness.start();
});
afterAll(() => auth.stop());

const created = async (path: string, body: object) => (await auth.ask(path, { body })).body;

async function team(kind: string, secret: object = {}): Promise<Team> {
  const { org, agent } = await auth.team();
  await created('/v1/connectors', { organization: org, manifest: manifest(kind) });
  const body = { organization: org, provider: 'hosted', clientId: 'c', parameters: { host: 'ours.example' }, ...secret };
  return { org, agent, app: String((await created('/v1/provider-apps', body))['id']) };
}

const replaceApp = ({ org, app }: Team, parameters: object) =>
  auth.ask(`/v1/provider-apps/${app}`, {
    method: 'PUT',
    body: { organization: org, clientId: 'c', clientSecret: 'another', parameters },
  });

const connectByKey = ({ org, agent }: Team) =>
  auth.ask('/v1/connections', {
    body: { organization: org, agent, user: 'usr_ada', provider: 'hosted', secret: 'api-key-canary', probe: false },
  });

const stored = async ({ org }: Team) =>
  (await auth.database.query('SELECT 1 FROM vault.connection WHERE org_id = $1', [org])).rowCount;

describe('a registration that is led to another host', () => {
  it('takes no tokens along: it is refused while a connection lives by it', async () => {
    const here = await team(CODE, { clientSecret: 's' });
    await auth.database.query(
      `INSERT INTO vault.connection (id, org_id, kind, user_id, agent_id, provider, alias, status, authorized_by_kind, authorized_by_id, provider_app_id)
       VALUES ($1, $2, 'agent', 'usr_ada', $3, 'hosted', 'default', 'active', 'user', 'usr_ada', $4)`,
      [newId('conn'), here.org, here.agent, here.app],
    );
    expect(await replaceApp(here, { host: 'evil.example' })).toMatchObject({ status: 409, body: { code: 'conflict' } });
    // What leads nowhere else may change.
    expect(await replaceApp(here, { host: 'ours.example', key: 'two' })).toMatchObject({ status: 200 });
    await auth.database.query(`UPDATE vault.connection SET status = 'revoked' WHERE org_id = $1`, [here.org]);
    expect(await replaceApp(here, { host: 'moved.example' })).toMatchObject({ status: 200 });
  });

  it('gets no code of a person who is on the way', async () => {
    const here = await team(CODE, { clientSecret: 's' });
    const unused = async () =>
      (
        await auth.database.query('SELECT 1 FROM connect.authorization_transaction WHERE org_id = $1 AND used_at IS NULL', [
          here.org,
        ])
      ).rowCount;
    const browser = new Browser();
    browser.stopAt = 'https://ours.example/authorize';
    const session = { organization: here.org, agent: here.agent, user: 'usr_ada', provider: 'hosted' };
    await browser.open(String((await created('/v1/connect-sessions', session))['url']));
    await browser.submit({ decision: 'continue' });
    expect(await unused()).toBe(1);
    await replaceApp(here, { host: 'ours.example' });
    expect(await unused()).toBe(1);
    expect(await replaceApp(here, { host: 'evil.example' })).toMatchObject({ status: 200 });
    expect(await unused()).toBe(0);
    const request = new URL(browser.trail.at(-1) ?? '').searchParams;
    browser.stopAt = undefined;
    await browser.open(`${request.get('redirect_uri')}?code=code-canary&state=${request.get('state')}`);
    expect(browser.title).toBe('This answer was used before');
    expect(await stored(here)).toBe(0);
  });

  it('meanwhile, before a secret is stored for where it led: nothing is stored', async () => {
    const here = await team('{ kind: api_key }');
    const answer = await during(
      `UPDATE vault.provider_app SET generation = 2, parameters = '{"host":"evil.example","key":"one"}' WHERE id = $1`,
      [here.app],
    )(() => connectByKey(here));
    expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await stored(here)).toBe(0);
  });
});

it('a connector of which another replica has a version that leads elsewhere: nothing is stored', async () => {
  const here = await team('{ kind: api_key }');
  await auth.ask(`/v1/connectors?organization=${here.org}`);
  await auth.database.query(
    `UPDATE governance.connector SET version = 2, manifest = replace(manifest, 'https://\${app.host}', 'https://evil.example') WHERE org_id = $1`,
    [here.org],
  );
  expect(await connectByKey(here)).toMatchObject({ status: 409, body: { code: 'conflict' } });
  expect(await stored(here)).toBe(0);
});

/** Asks while another transaction has made this change, which becomes visible once the request waits for it, or is answered. */
function during(change: string, values: string[]) {
  return async (ask: () => Promise<Answer>): Promise<Answer> => {
    const client = await auth.database.connect();
    try {
      await client.query('BEGIN');
      await client.query(change, values);
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      let answered = false;
      const asked = ask().finally(() => (answered = true));
      const waiting = 'SELECT FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))';
      await waitFor(async () => answered || (await auth.database.query(waiting, [rows[0]?.pid])).rowCount === 1);
      await client.query('COMMIT');
      return await asked;
    } finally {
      client.release(true);
    }
  };
}
