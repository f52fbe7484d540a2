import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authRequests, type AuditEvent } from '@keyward/contracts';
import { waitFor } from '@keyward/testing';
import { exportSPKI, importJWK, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { AuthHarness, type Tenant } from './harness.js';
import { TokenIssuer } from './token-issuer.js';

const SUBJECT = 'system:serviceaccount:payments:scribe';

let auth: AuthHarness;
let cluster: TokenIssuer;
let attacker: TokenIssuer;
let ours: Tenant;
let theirs: Tenant;

beforeAll(async () => {
  [cluster, attacker] = [await TokenIssuer.start(), await TokenIssuer.start()];
  await cluster.addKey('one');
  await cluster.addKey('ec', 'ES256');
  await cluster.addKey('ed', 'EdDSA');
  await attacker.addKey('one');
  auth = await AuthHarness.start({ privateOrigins: [cluster.url, attacker.url] });
  [ours, theirs] = [await auth.team(), await auth.team()] as unknown as [Tenant, Tenant];
  cluster.audience = audienceOf(ours);
  attacker.audience = audienceOf(ours);
  await bind(ours, await trust(ours), { sub: SUBJECT });
});
afterAll(async () => {
  await auth.stop();
  await Promise.all([cluster.stop(), attacker.stop()]);
});

const audienceOf = ({ org }: Tenant): string => `keyward:${org}`;

async function trust(tenant: Tenant, more: object = {}): Promise<string> {
  const body = { organization: tenant.org, issuer: cluster.url, audience: audienceOf(tenant), ...more };
  const { status, body: issuer } = await auth.ask<{ id: string }>('/v1/trusted-issuers', { body });
  expect(status).toBe(201);
  return issuer.id;
}

async function bind({ org, agent }: Tenant, issuer: string, claims: Record<string, string>): Promise<string> {
  const body = { organization: org, agent, claims };
  const { status, body: binding } = await auth.ask<{ id: string }>(`/v1/trusted-issuers/${issuer}/bindings`, { body });
  expect(status).toBe(201);
  return binding.id;
}

async function whoIs(token: string): Promise<{ outcome: string; agent?: string; error?: { code: string } }> {
  const message = await auth.nc.request(authRequests.authenticateWorkload, JSON.stringify({ token }), { timeout: 20_000 });
  return message.json();
}

const codeOf = async (token: string) => {
  const { outcome, error } = await whoIs(token);
  return error?.code ?? outcome;
};
const now = () => Math.floor(Date.now() / 1000);

describe('a workload identity', () => {
  it('of a Kubernetes service account is the agent that it is bound to', async () => {
    const token = await cluster.sign();
    expect(await whoIs(token)).toEqual({
      ...{ outcome: 'authenticated', org: ours.org, agent: ours.agent, subject: SUBJECT },
      expiresAt: expect.stringMatching(/Z$/),
    });
    expect(cluster.asked).toEqual(['/.well-known/openid-configuration', '/openid/v1/jwks']);
  });

  it.each(['one', 'ec', 'ed'])('may be signed by the key %s of the issuer', async (kid) => {
    expect(await codeOf(await cluster.sign({}, { kid }))).toBe('authenticated');
  });

  it('gets NATS credentials of its own agent, and of no other', async () => {
    const token = await cluster.sign();
    const own = await auth.ask(`/v1/agents/${ours.agent}/nats-credentials`, { token, body: { organization: ours.org } });
    expect([own.status, own.body['creds']]).toEqual([201, expect.stringContaining('BEGIN NATS USER JWT')]);
    const other = await auth.ask(`/v1/agents/${theirs.agent}/nats-credentials`, { token, body: { organization: theirs.org } });
    expect(other.status).toBe(404);
    const forged = await attacker.sign({ iss: cluster.url });
    const refused = await auth.ask(`/v1/agents/${ours.agent}/nats-credentials`, { token: forged, body: {} });
    expect(refused.status).toBe(401);
    expect((await auth.ask(`/v1/agents?organization=${ours.org}`, { token })).status).toBe(401);
  });

  it('counts for a minute more than it says, as clocks differ, and no longer', async () => {
    expect(await codeOf(await cluster.sign({ exp: now() - 30 }))).toBe('authenticated');
    expect(await codeOf(await cluster.sign({ exp: now() - 61 }))).toBe('unauthenticated');
    expect(await codeOf(await cluster.sign({ nbf: now() + 30 }))).toBe('authenticated');
    expect(await codeOf(await cluster.sign({ nbf: now() + 120 }))).toBe('unauthenticated');
  });

  const forgeries: [string, () => Promise<string>][] = [
    [
      'alg none',
      async () => new UnsecuredJWT({ iss: cluster.url, aud: audienceOf(ours), sub: SUBJECT, exp: now() + 60 }).encode(),
    ],
    ['its key as a shared secret (key confusion)', () => confused('HS256')],
    ['a signature by someone else under the same kid', () => attacker.sign({ iss: cluster.url })],
    ['a kid of nobody', async () => withHeader(await cluster.sign(), { alg: 'RS256', kid: 'nobody' })],
    ['a kid that is a path', () => signedByAttacker({ kid: '../../../../dev/null' })],
    ['a kid that is a URL', () => signedByAttacker({ kid: `${attacker.url}/openid/v1/jwks` })],
    ['a kid that is a query', () => signedByAttacker({ kid: "' OR 1=1 --" })],
    ['a jku of its own', () => signedByAttacker({ jku: `${attacker.url}/openid/v1/jwks` })],
    ['an x5u of its own', () => signedByAttacker({ x5u: `${attacker.url}/chain.pem` })],
    ['a jwk of its own', async () => signedByAttacker({ jwk: attacker.jwks[0] ?? {} })],
    ['an unknown critical header', async () => withHeader(await cluster.sign(), { alg: 'RS256', kid: 'one', crit: ['x'], x: 1 })],
    ['a claim changed', async () => withClaims(await cluster.sign(), { sub: 'system:serviceaccount:payments:admin' })],
    ['another audience', () => cluster.sign({ aud: ['https://kubernetes.default.svc'] })],
    ['no audience', () => cluster.sign({ aud: undefined })],
    ['another issuer', () => cluster.sign({ iss: `${cluster.url}/` })],
    ['no end', () => cluster.sign({ exp: undefined })],
    ['an end that is a text', () => cluster.sign({ exp: '9999999999' })],
    ['an end beyond all dates', () => cluster.sign({ exp: 1e300 })],
    ['another subject', () => cluster.sign({ sub: 'system:serviceaccount:payments:other' })],
    ['a subject that holds ours', () => cluster.sign({ sub: `${SUBJECT}x` })],
    ['a list of subjects', () => cluster.sign({ sub: [SUBJECT] })],
    ['nothing after its head', async () => (await cluster.sign()).split('.').slice(0, 1).join('.')],
    ['no signature', async () => `${(await cluster.sign()).split('.').slice(0, 2).join('.')}.`],
    ['five parts', async () => `${await cluster.sign()}.a.b`],
    ['a claim of prototypes', () => cluster.sign({ ['__proto__']: { sub: SUBJECT }, sub: undefined })],
  ];

  it.each(forgeries)('with %s is nobody’s', async (_what, make) => {
    attacker.asked.length = 0;
    expect(await codeOf(await make())).toBe('unauthenticated');
    expect(attacker.asked).toEqual([]);
  });

  it('that is huge is refused unread', async () => {
    expect(await codeOf(await cluster.sign({ padding: 'x'.repeat(20_000) }))).toBe('invalid_request');
  });

  it('asks for the keys once, however many tokens of unknown keys there are', async () => {
    const before = cluster.asked.length;
    for (let index = 0; index < 20; index++) await codeOf(await signedByAttacker({ kid: `unknown-${index}` }));
    expect(cluster.asked.length - before).toBeLessThanOrEqual(1);
    expect(cluster.asked.every((path) => ['/.well-known/openid-configuration', '/openid/v1/jwks'].includes(path))).toBe(true);
  });

  async function signedByAttacker(header: object): Promise<string> {
    return attacker.sign({ iss: cluster.url }, { header });
  }
});

describe('trust of one organization', () => {
  it('says nothing for another: keys that one names sign for its own agents alone', async () => {
    const issuer = await trust(theirs, { jwksUri: `${attacker.url}/openid/v1/jwks` });
    const forTheirs = { iss: cluster.url, aud: audienceOf(theirs) };
    const binding = await bind(theirs, issuer, { sub: SUBJECT });
    // The attacker's key set vouches for the attacker's organization, whatever issuer it claims to speak for.
    expect(await whoIs(await attacker.sign(forTheirs))).toMatchObject({ org: theirs.org, agent: theirs.agent });
    expect(await whoIs(await cluster.sign())).toMatchObject({ org: ours.org, agent: ours.agent });
    attacker.broken = 503;
    expect(await whoIs(await cluster.sign())).toMatchObject({ org: ours.org, agent: ours.agent });
    attacker.broken = undefined;
    const path = `/v1/trusted-issuers/${issuer}`;
    const bindings = await auth.ask(`${path}/bindings?organization=${theirs.org}`);
    expect(bindings.body['bindings']).toMatchObject([{ id: binding, agent: theirs.agent, claims: { sub: SUBJECT } }]);
    const gone = await auth.ask(`${path}/bindings/${binding}?organization=${theirs.org}`, { method: 'DELETE' });
    expect(gone.status).toBe(200);
    expect(await codeOf(await attacker.sign(forTheirs))).toBe('unauthenticated');
    await auth.ask(`${path}?organization=${theirs.org}`, { method: 'DELETE' });
  });

  it('that another organization could claim as well is not given', async () => {
    for (const audience of ['keyward', audienceOf(ours), theirs.org.toUpperCase()]) {
      const body = { organization: theirs.org, issuer: cluster.url, audience };
      const { status, body: problem } = await auth.ask('/v1/trusted-issuers', { body });
      expect([status, JSON.stringify(problem['errors'])]).toEqual([400, expect.stringContaining('/audience')]);
    }
  });

  it('with two agents of the organization for one workload stands for neither', async () => {
    const second = await auth.team();
    const issuer = await trust(theirs, { audience: `${audienceOf(theirs)}:two` });
    const bound = (agent: string) => bind({ ...theirs, agent }, issuer, { sub: SUBJECT });
    await bound(theirs.agent);
    const { body: other } = await auth.ask<{ id: string }>('/v1/agents', {
      body: { organization: theirs.org, slug: `second-${second.org.slice(-6)}`, name: 'Second' },
    });
    const token = await cluster.sign({ aud: `${audienceOf(theirs)}:two` });
    expect(await codeOf(token)).toBe('authenticated');
    await bound(other.id);
    expect(await codeOf(token)).toBe('unauthenticated');
    await auth.ask(`/v1/trusted-issuers/${issuer}?organization=${theirs.org}`, { method: 'DELETE' });
  });

  it('needs every claim of a binding', async () => {
    const issuer = await trust(theirs, { audience: `${audienceOf(theirs)}:claims` });
    await bind(theirs, issuer, { sub: SUBJECT, environment: 'production' });
    expect(await codeOf(await cluster.sign({ aud: `${audienceOf(theirs)}:claims` }))).toBe('unauthenticated');
    expect(await codeOf(await cluster.sign({ aud: `${audienceOf(theirs)}:claims`, environment: 'staging' }))).toBe(
      'unauthenticated',
    );
    expect(await whoIs(await cluster.sign({ aud: `${audienceOf(theirs)}:claims`, environment: 'production' }))).toMatchObject({
      org: theirs.org,
    });
  });

  it('is told apart from a mistake of the token where the issuer can not be asked', async () => {
    const away = await TokenIssuer.start();
    await away.addKey('one');
    away.audience = audienceOf(ours);
    await bind(ours, await trust(ours, { issuer: away.url, jwksUri: `${cluster.url}/nowhere` }), { sub: SUBJECT });
    expect(await codeOf(await away.sign())).toBe('dependency_unavailable');
    await away.stop();
  });

  it('ends at once: the gateway is told, and the trail says who did it', async () => {
    const heard: string[] = [];
    const subscription = auth.nc.subscribe('control.revoked', {
      callback: (_error, message) => void heard.push(message.string()),
    });
    const issuer = await trust(theirs, { audience: `${audienceOf(theirs)}:ending` });
    await bind(theirs, issuer, { sub: 'x' });
    const removed = await auth.ask(`/v1/trusted-issuers/${issuer}?organization=${theirs.org}`, { method: 'DELETE' });
    expect(removed.status).toBe(200);
    await auth.nc.flush();
    subscription.unsubscribe();
    expect(heard).toContain(JSON.stringify({ kind: 'agent', org: theirs.org, agent: theirs.agent }));
    const types = await waitFor(async () => {
      const found = new Set((await auth.auditEvents(theirs.org)).map(({ type }: AuditEvent) => type));
      return found.has('trusted_issuer.removed') ? found : undefined;
    });
    expect([...types]).toEqual(expect.arrayContaining(['trusted_issuer.added', 'workload_binding.added']));
  });

  it.each([
    ['http', { issuer: 'http://issuer.example' }, '/issuer'],
    ['a query', { issuer: 'https://issuer.example/?a=b' }, '/issuer'],
    ['user information', { issuer: 'https://a:b@issuer.example' }, '/issuer'],
    ['a fragment', { issuer: 'https://issuer.example/#' }, '/issuer'],
    ['keys over http', { jwksUri: 'http://issuer.example/jwks' }, '/jwksUri'],
    ['keys in a file', { jwksUri: 'file:///etc/passwd' }, '/jwksUri'],
  ])('is not given to an issuer with %s', async (_what, more, pointer) => {
    const body = { organization: ours.org, issuer: 'https://issuer.example', audience: audienceOf(ours), ...more };
    const { status, body: problem } = await auth.ask('/v1/trusted-issuers', { body });
    expect([status, JSON.stringify(problem['errors'])]).toEqual([400, expect.stringContaining(pointer)]);
  });

  it('is given once', async () => {
    const body = { organization: ours.org, issuer: cluster.url, audience: audienceOf(ours) };
    expect((await auth.ask('/v1/trusted-issuers', { body })).status).toBe(409);
    const { body: list } = await auth.ask<{ trustedIssuers: { issuer: string }[] }>(
      `/v1/trusted-issuers?organization=${ours.org}`,
    );
    expect(list.trustedIssuers.map(({ issuer }) => issuer)).toContain(cluster.url);
  });
});

/** The issuer's public key, which everyone has, as the secret of an HMAC. */
async function confused(alg: string): Promise<string> {
  const jwk = cluster.jwks[0] ?? {};
  const pem = await exportSPKI((await importJWK(jwk, 'RS256')) as CryptoKey);
  return new SignJWT({ iss: cluster.url, aud: audienceOf(ours), sub: SUBJECT, exp: now() + 60 })
    .setProtectedHeader({ alg, kid: 'one' })
    .sign(new TextEncoder().encode(pem));
}

function withHeader(token: string, header: object): string {
  const [, ...rest] = token.split('.');
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.');
}

function withClaims(token: string, changed: object): string {
  const [head, claims = '', signature] = token.split('.');
  const body = { ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), ...changed };
  return [head, Buffer.from(JSON.stringify(body)).toString('base64url'), signature].join('.');
}

describe('an organization', () => {
  // Those of all organizations that trust an issuer are read with each of its tokens.
  it('trusts so many issuers and binds so many workloads, and no more', async () => {
    const { org, agent } = await auth.team();
    const issuerOf = (number: number) => ({ organization: org, issuer: `https://issuer-${number}.example`, audience: org });
    const ask = (number: number) => auth.ask('/v1/trusted-issuers', { body: issuerOf(number) });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, number) => ask(number)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(await ask(50)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    const issuer = String(answers[0]?.body['id']);
    const bindTo = () =>
      auth.ask(`/v1/trusted-issuers/${issuer}/bindings`, { body: { organization: org, agent, claims: { sub: 'last' } } });
    await auth.database.query(
      `INSERT INTO identity.workload_binding (id, org_id, trusted_issuer_id, agent_id, claims)
       SELECT 'wlb_' || lpad(to_hex(n), 32, '0'), $1, $2, $3, '{"sub":"s"}' FROM generate_series(1, 999) n`,
      [org, issuer, agent],
    );
    expect((await bindTo()).status).toBe(201);
    expect(await bindTo()).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await auth.ask(`/v1/trusted-issuers/${issuer}?organization=${org}`, { method: 'DELETE' })).status).toBe(200);
    expect((await ask(50)).status).toBe(201);
  });
});
