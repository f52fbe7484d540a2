import { describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import fc from 'fast-check';
import { testProvider } from '../test/provider.js';
import { readCallback } from './callback.js';
import { renewToken } from './renew.js';
import type { Wire } from './wire.js';

const client = { clientId: 'client-1', clientSecret: 'secret' };
const providers = [
  testProvider(),
  testProvider({ auth: { authorization_response_iss_parameter_supported: true, callback: { code_parameter: 'auth_code' } } }),
  testProvider({
    auth: {
      token_response: {
        root: '/data',
        access_token: '/nested/token',
        expires: { at: '/expires', format: 'days_hours_minutes' },
        failure: { when: { at: '/code', not: 0 }, code: '/code' },
      },
    },
  }),
  testProvider({ auth: { token_response: { expires: { at: '/expires_in', format: 'date_time' }, scope: '/scopes' } } }),
  testProvider({ auth: { token_response: { expires: { at: '/expires_in', format: 'epoch_milliseconds' } } } }),
];
const anyProvider = fc.constantFrom(...providers);

const NAMES = [
  'code',
  'auth_code',
  'state',
  'iss',
  'error',
  'error_description',
  'response',
  'id_token',
  'token',
  '__proto__',
  'code[]',
];
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('s', 'https://as.example.com', '', 'access_denied'),
);
const anyQuery = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...NAMES), fc.string()), anyText), { maxLength: 8 });

describe('readCallback, whatever comes with the browser', () => {
  it('answers, or throws a KeywardError that quotes none of it', () => {
    fc.assert(
      fc.property(anyProvider, anyQuery, (provider, pairs) => {
        const query = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value]));
        try {
          const callback = readCallback(provider, client, query, 's');
          expect(['code', 'error']).toContain(callback.kind);
          expect(query.getAll('state')).toEqual(['s']);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(KeywardError);
          expect(thrown).toMatchObject({ code: 'invalid_request' });
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['error_description', 'code', 'iss', 'anything'])('takes 10 MB of %s in a moment, and keeps nothing of it', (name) => {
    const query = new URLSearchParams({ state: 's', error: 'access_denied', [name]: 'x'.repeat(10_000_000) });
    const started = performance.now();
    const outcome = (() => {
      try {
        return JSON.stringify(readCallback(testProvider(), client, query, 's'));
      } catch (thrown) {
        return String(thrown);
      }
    })();
    expect(outcome.length).toBeLessThan(300);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('never hands a code of 10 MB on', () => {
    const query = new URLSearchParams({ state: 's', code: 'x'.repeat(10_000_000) });
    expect(() => readCallback(testProvider(), client, query, 's')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});

const MEMBERS = [
  'access_token',
  'refresh_token',
  'token_type',
  'expires_in',
  'scope',
  'error',
  'data',
  'nested',
  'token',
  'code',
  'expires',
  'scopes',
];
const anyValue = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('bearer', 'Bearer', '1:00:00', 'at\r\nX: y', 3600, -1, 1e308, Number.MAX_SAFE_INTEGER, '2030-01-01T00:00:00Z'),
);
const anyObject = fc.dictionary(fc.oneof(fc.constantFrom(...MEMBERS), fc.string()), anyValue, { maxKeys: 8 });
const anyDocument = fc.oneof(
  anyObject.map((body) => ({ access_token: 'at', token_type: 'bearer', ...body })),
  anyObject.map((body) => ({ code: 0, data: { nested: { token: 'at', ...body }, ...body } })),
  anyObject,
  fc.jsonValue(),
);
const anyBody = fc.oneof(
  anyDocument.map((document) => JSON.stringify(document)),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '{"access_token":"a","access_token":"b"}',
    '{"__proto__":{"access_token":"x"}}',
    '[['.repeat(10_000),
    '{"expires_in":NaN}',
  ),
);
const anyStatus = fc.oneof({ weight: 4, arbitrary: fc.constant(200) }, fc.constantFrom(201, 400, 401, 403, 404, 429, 500, 503));

describe('token responses, whatever the server answers', () => {
  it('are tokens that fit into a header, or a KeywardError', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(anyProvider, anyStatus, anyBody, async (provider, status, body) => {
        const wire: Wire = { fetch: () => Promise.resolve(new Response(body, { status })) };
        try {
          const tokens = await renewToken({ provider, client, scopes: [], refreshToken: 'rt' }, wire);
          taken++;
          for (const token of [tokens.accessToken, tokens.refreshToken ?? 'none']) expect(token).toMatch(/^[\x20-\x7e]+$/);
          for (const ms of [tokens.lifetimeMs ?? 1000, tokens.refreshLifetimeMs ?? 1000]) {
            expect(Number.isInteger(ms) && ms >= 1000 && ms <= 315_360_000_000).toBe(true);
          }
          expect(tokens.scopes === null || tokens.scopes.every((scope) => /^[\x21-\x7e]+$/.test(scope))).toBe(true);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(KeywardError);
        }
      }),
      { numRuns: 2000 },
    );
    // Otherwise the property would hold of a reader that takes nothing.
    expect(taken).toBeGreaterThan(100);
  });
});
