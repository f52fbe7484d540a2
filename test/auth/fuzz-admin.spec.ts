import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ADMIN_TOKEN, documented, type AuthHarness } from './harness.js';
import { joinAs } from './members.js';
import { startSignIn, type OidcServer } from './oidc-server.js';

let auth: AuthHarness;
let oidc: OidcServer;
let org: string;
let theirs: string;
let agent: string;
let owner: string;

beforeAll(async () => {
  ({ auth, oidc } = await startSignIn({ KEYWARD_PUBLIC_REQUESTS_PER_MINUTE: '100000' }));
  ({ org, agent } = await auth.team());
  theirs = (await auth.team()).org;
  owner = await joinAs(auth, oidc, org, 'owner');
});
afterAll(async () => {
  await auth.stop();
  await oidc.stop();
});

/** What takes a body, without what would end the organization that the others need. */
const WRITES = documented.details.filter(
  ({ id, method, path }) =>
    path.startsWith('/v1/') && method !== 'GET' && !['rewrapVault', 'shredOrganization', 'eraseUser'].includes(id),
);

async function send(method: string, path: string, body: string | Uint8Array, token = ADMIN_TOKEN) {
  const response = await fetch(auth.url + path, {
    method,
    body,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  });
  const text = await response.text();
  return { status: response.status, code: text === '' ? undefined : (JSON.parse(text) as { code?: string }).code };
}

async function addEndpoint(): Promise<string> {
  const { body } = await auth.ask<{ id: string }>('/v1/webhook-endpoints', {
    body: { organization: org, url: 'https://receiver.invalid/hook' },
  });
  return body.id;
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.constantFrom(
    '\u0000',
    '\ud800',
    '\udfff\ud800',
    '‮',
    '__proto__',
    '../..',
    '%00',
    '$ref',
    'constructor',
    '${secret}',
    "'; --",
  ),
);
const members = [
  'organization',
  'org',
  'agent',
  'agents',
  'user',
  'slug',
  'name',
  'email',
  'role',
  'provider',
  'clientId',
  'clientSecret',
];
const more = [
  'manifest',
  'tools',
  'assignments',
  'scopes',
  'alias',
  'kind',
  'parameters',
  'issuer',
  'audience',
  'claims',
  'secret',
  'code',
  'verifier',
  'url',
  'events',
  'description',
  'enabled',
  'overlapSeconds',
];

describe('whatever body comes in, it is answered, and nothing of it is our fault', () => {
  const anyValue = () =>
    fc.oneof(anyText, fc.constantFrom(org, agent, 'sandbox', null, true, -1, 1e308, [], {}), fc.jsonValue({ maxDepth: 3 }));
  const hostile = () =>
    fc.oneof(
      fc
        .dictionary(fc.constantFrom(...members, ...more), anyValue(), { maxKeys: 10 })
        .map((body) => JSON.stringify({ organization: org, ...body })),
      fc.constantFrom(
        '['.repeat(10_000),
        '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000),
        '',
        '{',
        'null',
        '0',
        '"x"',
        '[]',
        '\u0000',
      ),
      fc.constantFrom(
        '{"__proto__":{"organization":"x"}}',
        '{"constructor":{"prototype":{"x":1}}}',
        '{"organization":9007199254740993}',
      ),
      fc.uint8Array({ maxLength: 200 }),
    );

  it('at every route that takes one', async () => {
    let requests = 0;
    for (const { method, path } of WRITES) {
      const endpoint = path.includes('webhook-endpoints/') ? await addEndpoint() : '';
      const at = path
        .replace('{operation}', 'list_integrations')
        .replace('endpoints/{id}', `endpoints/${endpoint}`)
        .replaceAll(/\{[a-z]+\}/gi, agent);
      const url = ['POST', 'PUT', 'PATCH'].includes(method) ? at : `${at}?organization=${org}`;
      await fc.assert(
        fc.asyncProperty(hostile(), async (body) => {
          requests++;
          const { status, code } = await send(method, url, body);
          expect([method, path, status < 500, code === 'internal']).toEqual([method, path, true, false]);
        }),
        { numRuns: 25 },
      );
    }
    process.stdout.write(`fuzz: ${WRITES.length} routes, ${requests} bodies, no 5xx\n`);
  }, 120_000);

  it('as a query of every list', async () => {
    const lists = documented.details.filter(({ id, path }) => id.startsWith('list') && !path.includes('{'));
    expect(lists.length).toBeGreaterThan(5);
    const names = ['cursor', 'user', 'agent', 'provider', 'status', 'kind', 'search', 'category', '__proto__', 'organization[]'];
    for (const { path } of lists) {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(...names), anyText), { maxLength: 4 }), async (pairs) => {
          const query = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value.toWellFormed()]));
          query.append('organization', org);
          const response = await fetch(`${auth.url}${path}?${query}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
          await response.text();
          expect([path, response.status < 500]).toEqual([path, true]);
        }),
        { numRuns: 25, examples: names.map((name) => [[[name, '\0']]]) },
      );
    }
  });
});

describe('an organization is where its owner may act, whatever the request says besides', () => {
  it.each([
    ['twice in the body, theirs last', () => `{"organization":"${org}","slug":"s","name":"N","organization":"${theirs}"}`, ''],
    [
      'in the query ours, in the body theirs',
      () => JSON.stringify({ organization: theirs, slug: 's', name: 'N' }),
      () => `?organization=${org}`,
    ],
    [
      'in the query theirs, in the body ours',
      () => JSON.stringify({ organization: org, slug: 's', name: 'N' }),
      () => `?organization=${theirs}`,
    ],
    ['as a list', () => JSON.stringify({ organization: [org, theirs], slug: 's', name: 'N' }), ''],
    ['under other names too', () => JSON.stringify({ organization: org, org: theirs, orgId: theirs, slug: 's', name: 'N' }), ''],
    ['in its prototype', () => `{"__proto__":{"organization":"${theirs}"},"slug":"s","name":"N"}`, ''],
  ])('%s', async (_what, body, query) => {
    const { status } = await send('POST', `/v1/agents${typeof query === 'string' ? query : query()}`, body(), owner);
    expect([400, 404]).toContain(status);
    const { body: listed } = await auth.ask<{ agents: object[] }>(`/v1/agents?organization=${theirs}`);
    expect(listed.agents).toHaveLength(1);
  });

  it.each(['id', 'createdAt', 'orgId', 'issuer', 'subject', 'lastSignInAt', 'joined'])(
    'a member can not bring its own %s',
    async (name) => {
      const body = JSON.stringify({ organization: org, email: 'x@example.com', role: 'viewer', [name]: 'mbr_x' });
      expect((await send('POST', '/v1/members', body, owner)).status).toBe(400);
    },
  );

  it('a cursor leads to nothing of another organization', async () => {
    const { body } = await auth.ask<{ agents: { id: string }[] }>(`/v1/agents?organization=${theirs}`);
    const foreign = body.agents[0]?.id ?? '';
    for (const cursor of [foreign, foreign.toUpperCase(), `${foreign}'`, 'x', `agt_${'f'.repeat(32)}`]) {
      const response = await auth.ask<{ agents?: { id: string }[] }>(`/v1/agents?organization=${org}&cursor=${cursor}`, {
        token: owner,
      });
      expect([200, 400]).toContain(response.status);
      expect((response.body.agents ?? []).every(({ id }) => id === agent)).toBe(true);
    }
  });
});
