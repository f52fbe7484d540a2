import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Browser } from './browser.js';
import { ADMIN_TOKEN, AuthHarness, type Tenant } from './harness.js';

let auth: AuthHarness;
let tenant: Tenant;
beforeAll(async () => {
  auth = await AuthHarness.start();
  tenant = await auth.tenant();
});
afterAll(() => auth.stop());

const RUNS = { numRuns: 60 };
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ maxLength: 2_000 }),
  fc.constant('\u0000'),
  fc.constant('\ud800'),
);

describe('whatever comes in is answered, and nothing of it is our fault', () => {
  it('at the callback, with a valid cookie and state', async () => {
    const { url } = await auth.session(tenant);
    const browser = new Browser();
    const callback = await browser.connectUpToCallback(url, `${auth.url}/oauth/`);
    const before = await auth.tokenRequests();
    const names = fc.constantFrom(
      'code',
      'state',
      'iss',
      'error',
      'error_description',
      'session_state',
      'id_token',
      'response',
      '__proto__',
      'code[]',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(names, anyText), { minLength: 1, maxLength: 12 }),
        fc.boolean(),
        async (pairs, keepState) => {
          const query = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value]));
          if (keepState) query.append('state', callback.searchParams.get('state') ?? '');
          const answer = await fetch(`${auth.url}${callback.pathname}?${query}`, {
            headers: { cookie: browser.cookies(auth.url), 'x-forwarded-for': String(Math.random()) },
            redirect: 'manual',
          });
          const page = await answer.text();
          expect(answer.status).toBeLessThan(500);
          expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
          expect(page).not.toMatch(/<script/i);
        },
      ),
      RUNS,
    );
    expect(await auth.tokenRequests()).toBe(before);
    expect(await auth.connections(tenant)).toEqual([]);
  });

  it('as a link and as a form', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, anyText, async (token, field) => {
        const path = `/connect/${encodeURIComponent(token.toWellFormed()).slice(0, 200)}`;
        for (const init of [{}, { method: 'POST', body: new URLSearchParams({ csrf: field, decision: field }) }]) {
          const answer = await fetch(auth.url + path, {
            ...init,
            headers: { 'x-forwarded-for': String(Math.random()) },
            redirect: 'manual',
          });
          await answer.text();
          expect(answer.status).toBeGreaterThanOrEqual(400);
          expect(answer.status).toBeLessThan(500);
        }
      }),
      RUNS,
    );
  });

  it.each([
    ['POST', '/v1/organizations'],
    ['POST', '/v1/agents'],
    ['PUT', '/v1/agents/AGENT/assignments?organization=ORG'],
    ['POST', '/v1/agents/AGENT/nats-credentials?organization=ORG'],
    ['POST', '/v1/provider-apps'],
    ['POST', '/v1/connect-sessions'],
  ])('as a body of %s %s', async (method, path) => {
    const hostile = fc.oneof(
      fc.json({ maxDepth: 4 }),
      fc.constant('['.repeat(10_000)),
      fc.constant('{"a":'.repeat(5_000)),
      fc.constant('{"__proto__":{"organization":"x"}}'),
      fc.constant('{"organization":9007199254740993,"name":1e400}'),
      fc
        .record({
          organization: fc.oneof(anyText, fc.constant(tenant.org)),
          agent: fc.oneof(anyText, fc.constant(tenant.agent)),
          slug: anyText,
          name: anyText,
          user: fc.oneof(anyText, fc.constant('usr_ada')),
          provider: fc.oneof(anyText, fc.constant('sandbox')),
          clientId: anyText,
        })
        .map((value) => JSON.stringify(value)),
      fc.string({ unit: 'binary' }),
    );
    const url = auth.url + path.replace('AGENT', tenant.agent).replace('ORG', tenant.org);
    await fc.assert(
      fc.asyncProperty(hostile, async (body) => {
        const answer = await fetch(url, {
          method,
          body,
          headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
        });
        const problem = (await answer.json()) as { code?: string };
        expect(answer.status).toBeLessThan(500);
        expect(problem.code).not.toBe('internal');
      }),
      RUNS,
    );
  });
});
