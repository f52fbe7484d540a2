import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectSession, providerAppSchema } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import type { z } from 'zod';
import type { Acme } from './acme.js';
import { AcmeHarness } from './acme-harness.js';
import { Browser } from './browser.js';
import type { AuthHarness } from './harness.js';

type ProviderApp = z.infer<typeof providerAppSchema>;

let here: AcmeHarness;
let acme: Acme;
let auth: AuthHarness;
beforeAll(async () => {
  here = await AcmeHarness.start();
  ({ acme, auth } = here);
});
afterAll(() => here.stop());
afterEach(() => acme.answers.clear());

const read = async (org: string, id: string): Promise<ProviderApp> =>
  (await auth.ask<ProviderApp>(`/v1/provider-apps/${id}?organization=${org}`)).body;
const replace = (org: string, id: string, credentials: object) =>
  auth.ask<ProviderApp>(`/v1/provider-apps/${id}`, { method: 'PUT', body: { organization: org, ...credentials } });
const audited = async (org: string, type: string) => (await auth.auditEvents(org)).filter((event) => event.type === type);

/** An organization whose client Acme takes, until it is told otherwise. */
async function service(): Promise<{ org: string; agent: string; app: string; connect: () => ReturnType<typeof here.connect> }> {
  const { org, agent } = await auth.team();
  const body = { organization: org, provider: 'acme_service', clientId: 'c', clientSecret: 'shh' };
  const app = String((await auth.ask('/v1/provider-apps', { body })).body['id']);
  return { org, agent, app, connect: () => here.connect({ org, agent }, { provider: 'acme_service', secret: undefined }) };
}

const refusal = (status: number, body: object) => async () => ({ status, text: JSON.stringify(body) });
const ours = refusal(401, { error: 'invalid_client' });

/** As after rejections that the refresher has seen. */
async function rejected(app: string): Promise<void> {
  await auth.database.query(
    `UPDATE vault.provider_app SET rejected_at = now(), rejected_reason = 'Acme does not take it (invalid_client).',
       rejected_retry_at = now() + interval '8 min', rejections = 5 WHERE id = $1`,
    [app],
  );
}

describe('a registration that its provider rejects', () => {
  /** The person has agreed at the provider, and is back. */
  async function comeBack(browser: Browser, url: string, { redirectUri }: ProviderApp): Promise<void> {
    browser.stopAt = acme.url;
    await browser.open(url);
    await browser.submit({ decision: 'continue' });
    const state = new URL(browser.trail.at(-1) ?? '').searchParams.get('state') ?? '';
    await browser.open(`${redirectUri}?${new URLSearchParams({ code: 'a-code', state })}`);
  }

  it('is shown as such, told once, and taken back once it is replaced; the person is not to blame', async () => {
    const { org, agent } = await auth.team();
    const registration = { organization: org, provider: 'acme_code', clientId: 'c', clientSecret: 'shh' };
    const app = (await auth.ask<ProviderApp>('/v1/provider-apps', { body: registration })).body;
    expect(app).toMatchObject({ status: 'accepted', rejected: null });
    const session = { organization: org, agent, user: 'usr_ada', provider: 'acme_code' };
    const { url } = (await auth.ask<ConnectSession>('/v1/connect-sessions', { body: session })).body;
    const browser = new Browser();
    acme.answers.set('/token', ours);
    await comeBack(browser, url, app);
    expect({ status: browser.status, title: browser.title }).toEqual({
      status: 502,
      title: 'The provider does not accept this service',
    });
    expect(browser.page).toContain('not your fault');

    const shown = await read(org, app.id);
    expect(shown).toMatchObject({
      status: 'rejected',
      rejected: { reason: expect.stringMatching(/^The provider refuses.*\(invalid_client\)\.$/) },
    });
    expect(Date.parse(shown.rejected?.retryAt ?? '')).toBeGreaterThan(Date.parse(shown.rejected?.at ?? ''));
    const { body } = await auth.ask<{ providerApps: ProviderApp[] }>(`/v1/provider-apps?organization=${org}`);
    expect(body.providerApps).toEqual([shown]);

    // Once more: as it was.
    await comeBack(browser, url, app);
    expect(browser.title).toBe('The provider does not accept this service');
    expect(await read(org, app.id)).toEqual(shown);

    const answer = await replace(org, app.id, { clientId: 'c', clientSecret: 'another' });
    expect(answer).toMatchObject({ status: 200, body: { status: 'accepted', rejected: null } });
    acme.answers.clear();
    await comeBack(browser, url, app);
    expect(browser.title).toBe('acme_code is connected');

    await waitFor(async () => (await audited(org, 'connection.authorized')).length === 1);
    const trail = [...(await audited(org, 'provider_app.rejected')), ...(await audited(org, 'provider_app.accepted'))];
    expect(trail).toEqual([
      expect.objectContaining({ provider: 'acme_code', actor: { kind: 'service', id: 'auth-service' } }),
      expect.objectContaining({ provider: 'acme_code', actor: { kind: 'admin', id: 'admin' } }),
    ]);
    expect(trail.map(({ reason }) => reason)).toEqual([shown.rejected?.reason, undefined]);
    expect(await auth.providerAppEvents(org)).toEqual([
      expect.objectContaining({
        event: 'rejected',
        org,
        providerApp: app.id,
        provider: 'acme_code',
        reason: shown.rejected?.reason,
      }),
      expect.objectContaining({ event: 'accepted', org, providerApp: app.id, provider: 'acme_code' }),
    ]);
  });

  it('is not rejected by what a person brings: some servers say unauthorized_client of a code that another client was given', async () => {
    const { org, agent } = await auth.team();
    const registration = { organization: org, provider: 'acme_code', clientId: 'c', clientSecret: 'shh' };
    const app = (await auth.ask<ProviderApp>('/v1/provider-apps', { body: registration })).body;
    const session = { organization: org, agent, user: 'usr_ada', provider: 'acme_code' };
    const { url } = (await auth.ask<ConnectSession>('/v1/connect-sessions', { body: session })).body;
    acme.answers.set('/token', refusal(400, { error: 'unauthorized_client' }));
    await comeBack(new Browser(), url, app);
    expect(acme.askedFor('/token').length).toBeGreaterThan(0);
    expect(await read(org, app.id)).toMatchObject({ status: 'accepted', rejected: null });
    expect(await audited(org, 'provider_app.rejected')).toEqual([]);
  });

  it('is not taken back by a device code, which many servers give to whoever names the client', async () => {
    const { org, agent } = await auth.team();
    const registration = { organization: org, provider: 'acme_device', clientId: 'c', clientSecret: 'shh' };
    const app = (await auth.ask<ProviderApp>('/v1/provider-apps', { body: registration })).body;
    await rejected(app.id);
    const session = { organization: org, agent, user: 'usr_ada', provider: 'acme_device' };
    const { url } = (await auth.ask<ConnectSession>('/v1/connect-sessions', { body: session })).body;
    const code = { device_code: 'dc', user_code: 'ABCD', verification_uri: `${acme.url}/enter`, expires_in: 600 };
    acme.answers.set('/device', refusal(200, code));
    const browser = new Browser();
    await browser.open(url);
    await browser.submit({ decision: 'continue' });
    expect(browser.title).toBe('Enter the code at acme_device');
    expect((await read(org, app.id)).status).toBe('rejected');
  });

  it('goes on by itself where the provider takes it again', async () => {
    const { org, app, connect } = await service();
    acme.answers.set('/token', ours);
    expect((await connect()).status).toBe(502);
    expect((await read(org, app)).status).toBe('rejected');
    acme.answers.clear();
    expect((await connect()).status).toBe(201);
    expect((await read(org, app)).status).toBe('accepted');
    expect(await waitFor(async () => (await audited(org, 'provider_app.accepted'))[0])).toMatchObject({
      actor: { kind: 'service' },
      provider: 'acme_service',
    });
  });

  it('that nobody rejects is replaced without a word of it', async () => {
    const { org, app } = await service();
    expect((await replace(org, app, { clientId: 'd', clientSecret: 'e' })).body.status).toBe('accepted');
    await auth.auditEvent(org, 'provider_app.updated');
    expect(await audited(org, 'provider_app.accepted')).toEqual([]);
    expect(await auth.providerAppEvents(org)).toEqual([]);
  });
});

describe('its connections', () => {
  interface Times {
    refresh_at: Date | null;
    soon: boolean;
  }
  const times = async (id: string): Promise<Times> => {
    const { rows } = await auth.database.query<Times>(
      `SELECT refresh_at, refresh_at BETWEEN now() - interval '10 s' AND now() + interval '60 s' AS soon
       FROM vault.credential WHERE connection_id = $1`,
      [id],
    );
    return rows[0] as Times;
  };

  it('that waited for it are tried within a minute, and nobody else’s, and no other', async () => {
    const [{ org, agent, app }, theirs] = [await service(), await service()];
    const made = async (alias: string, team: { org: string; agent: string }, refresh: string, awake: string, failures = 0) => {
      const { id } = await here.connected(team, { provider: 'acme_service', secret: undefined, alias });
      await auth.database.query(
        `UPDATE vault.credential SET refresh_at = now() + $2::interval, awake_refresh_at = now() + $3::interval, failures = $4
         WHERE connection_id = $1`,
        [id, refresh, awake, failures],
      );
      return id;
    };
    const team = { org, agent };
    const deferred = await made('deferred', team, '9 min', '-5 min');
    const failing = await made('failing', team, '40 min', '-5 min', 7);
    const due = await made('due', team, '-1 s', '-1 s');
    const others = [
      await made('fresh', team, '10 min', '10 min'),
      await made('asleep', team, '30 d', '-5 min'),
      await made('deferred', theirs, '9 min', '-5 min'),
    ];
    for (const one of [app, theirs.app]) await rejected(one);
    const before = await Promise.all(others.map(times));
    const [{ refresh_at: dueAt }] = [await times(due)];
    await replace(org, app, { clientId: 'c', clientSecret: 'new' });
    expect([(await times(deferred)).soon, (await times(failing)).soon]).toEqual([true, true]);
    expect((await times(due)).refresh_at).toEqual(dueAt);
    expect(await Promise.all(others.map(times))).toEqual(before);
    expect((await read(theirs.org, theirs.app)).status).toBe('rejected');
  });
});

describe('a hostile provider', () => {
  it.each([
    [
      'invalid_client',
      'The provider refuses the registration: its client id or secret is wrong, has expired or has been withdrawn',
    ],
    ['unauthorized_client', 'The provider does not let the registration do this'],
  ])('whatever else it says with %s, what is shown is ours alone', async (error, sentence) => {
    const { org, app, connect } = await service();
    const said = {
      error,
      error_description: '\u001b[2J\r\n<b>\u202e',
      error_uri: 'javascript:alert(1)',
      reason: 'x'.repeat(9000),
    };
    acme.answers.set('/token', refusal(400, said));
    expect((await connect()).status).toBe(502);
    expect((await read(org, app)).rejected?.reason).toBe(`${sentence} (${error}).`);
  });

  it.each([
    ['ten megabytes of description', { error: 'invalid_client', error_description: 'x'.repeat(10_000_000) }],
    ['a code that only begins like one', { error: 'invalid_client\u0000' }],
    ['a code that is none', { error: ['invalid_client'] }],
    ['a refusal of what was entered', { error: 'invalid_grant' }],
    // Anybody who may enter something can bring that about.
    ['a status alone', {}],
  ])('%s is no rejection', async (_what, body) => {
    const { org, app, connect } = await service();
    acme.answers.set('/token', refusal(401, body));
    expect((await connect()).status).toBeGreaterThanOrEqual(500);
    expect(await read(org, app)).toMatchObject({ status: 'accepted', rejected: null });
    expect(await audited(org, 'provider_app.rejected')).toEqual([]);
  });

  it('rejects one organization’s client, and no other’s', async () => {
    const [mine, theirs] = [await service(), await service()];
    acme.answers.set('/token', ours);
    await mine.connect();
    expect((await read(mine.org, mine.app)).status).toBe('rejected');
    expect((await read(theirs.org, theirs.app)).status).toBe('accepted');
    // Nor is it taken back by them.
    const foreign = await replace(theirs.org, mine.app, { clientId: 'c', clientSecret: 'd' });
    expect(foreign.status).toBe(404);
    expect((await read(mine.org, mine.app)).status).toBe('rejected');
  });
});

describe('replaced while it is being rejected', () => {
  it('an answer that is about the one before says nothing of the new one', async () => {
    const { org, app, connect } = await service();
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    acme.answers.set('/token', async () => {
      asked.resolve();
      await answered.promise;
      return ours();
    });
    const attempt = connect();
    await asked.promise;
    expect((await replace(org, app, { clientId: 'c', clientSecret: 'new' })).status).toBe(200);
    answered.resolve();
    expect((await attempt).status).toBe(502);
    expect((await read(org, app)).status).toBe('accepted');
    expect(await audited(org, 'provider_app.rejected')).toEqual([]);
  });

  it('many at once, in whatever order: it is accepted, and every rejection that was told was taken back', async () => {
    const { org, app, connect } = await service();
    acme.answers.set('/token', ours);
    for (let round = 0; round < 5; round++) {
      await connect();
      const attempts = Array.from({ length: 6 }, () => connect());
      const answers = await Promise.all([...attempts, replace(org, app, { clientId: 'c', clientSecret: `s${round}` })]);
      expect(answers.map(({ status }) => status)).toEqual([502, 502, 502, 502, 502, 502, 200]);
      await replace(org, app, { clientId: 'c', clientSecret: `t${round}` });
      expect((await read(org, app)).status).toBe('accepted');
    }
    const told = await waitFor(async () => {
      const events = await auth.providerAppEvents(org);
      return events.length % 2 === 0 && (await audited(org, 'provider_app.updated')).length === 10 ? events : undefined;
    });
    const names = told.map(({ event }) => event);
    expect(names.length).toBeGreaterThanOrEqual(10);
    expect(names).toEqual(names.map((_name, index) => (index % 2 === 0 ? 'rejected' : 'accepted')));
  });

  it('while token-refresher is rejected with it, and is accepted with it: every rejection is taken back by exactly one', async () => {
    const { org, app } = await service();
    const nothing = [[], [], [], []];
    const call = async (name: string, values: unknown[]): Promise<boolean> => {
      const places = values.map((_value, index) => `$${index + 1}`).join(', ');
      const { rows } = await auth.database.query<{ done: boolean }>(`SELECT vault.${name}(${places}) AS done`, values);
      return rows[0]?.done === true;
    };
    let [rejections, takenBack] = [0, 0];
    for (let generation = 1; generation <= 12; generation++) {
      // Before, so that something is taken back; and at once with it, of the registration as it was.
      if (generation % 2 === 0) rejections += Number(await call('reject_app', [org, app, generation, 0, 'x', 1000, ...nothing]));
      const [replaced, rejected, accepted] = await Promise.all([
        replace(org, app, { clientId: 'c', clientSecret: `s${generation}` }),
        call('reject_app', [org, app, generation, 0, 'x', 1000, ...nothing]),
        call('accept_app', [org, app, ...nothing]),
      ]);
      expect(replaced.status).toBe(200);
      rejections += Number(rejected);
      takenBack += Number(accepted);
      expect(await read(org, app)).toMatchObject({ status: 'accepted', rejected: null });
    }
    expect(rejections).toBeGreaterThanOrEqual(6);
    const told = rejections - takenBack;
    const count = async (type: string) => (await audited(org, type)).length;
    await waitFor(async () => (await count('provider_app.updated')) === 12 && (await count('provider_app.accepted')) >= told);
    expect(await count('provider_app.accepted')).toBe(told);
    expect(await auth.providerAppEvents(org)).toHaveLength(told);
  });
});
