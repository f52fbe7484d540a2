import { generateKeyPairSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { loadCatalog, resolveProvider, type ProviderValues } from '@keyward/connectors';
import { renewToken, tokenTimes, type RenewRequest, type TokenTimes, type Wire } from '@keyward/oauth';
import { sandboxVariables } from '@keyward/testing';
import { decodeJwt } from 'jose';

/** The connectors as they are shipped: how each is renewed stands in its file, and nowhere else. */
const catalog = loadCatalog(
  fileURLToPath(new URL('../../connectors', import.meta.url)),
  JSON.parse(sandboxVariables('http://127.0.0.1:1')),
);
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const client = { clientId: 'id-1', clientSecret: 'secret-1', privateKey: pem };
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];
/** As RFC 6749 section 2.3.1 wants it encoded. */
const BASIC = `Basic ${Buffer.from('id%2D1:secret%2D1').toString('base64')}`;

interface Kind {
  connector: string;
  values?: Omit<ProviderValues, 'clientId'>;
  held?: Partial<RenewRequest>;
  /** Of each request: method, address, and what it must contain. */
  asks: [method: string, url: string, says: Record<string, string>][];
  answers: Record<string, unknown>[];
  gives: Record<string, unknown>;
  awake: Partial<TokenTimes>;
  /** What the clock does about it while nobody uses it. */
  asleep: number | null;
}

const kinds: [string, Kind][] = [
  [
    'an OAuth 2.0 refresh, rotated',
    {
      connector: 'airtable',
      held: { refreshToken: 'rt-1' },
      asks: [
        [
          'POST',
          'https://airtable.com/oauth2/v1/token',
          { grant_type: 'refresh_token', refresh_token: 'rt-1', authorization: BASIC },
        ],
      ],
      answers: [
        { access_token: 'at-2', token_type: 'Bearer', refresh_token: 'rt-2', expires_in: 3600, refresh_expires_in: 5_184_000 },
      ],
      gives: { accessToken: 'at-2', refreshToken: 'rt-2' },
      awake: { refreshInMs: 48 * MINUTE, refreshExpiresInMs: 60 * DAY },
      asleep: 48 * DAY,
    },
  ],
  [
    'a separate refresh URL, whose answer leaves the refresh token as it is',
    {
      connector: 'figma',
      held: { refreshToken: 'rt-1' },
      asks: [['POST', 'https://api.figma.com/v1/oauth/refresh', { refresh_token: 'rt-1', authorization: BASIC }]],
      answers: [{ access_token: 'at-2', token_type: 'bearer', expires_in: 7_776_000 }],
      gives: { accessToken: 'at-2' },
      awake: { refreshInMs: 83 * DAY },
      asleep: null,
    },
  ],
  [
    'refresh parameters and headers of its own, and a lifetime that only the documentation tells',
    {
      connector: 'basecamp',
      values: { app: { contact: 'platform@example.com' }, connection: { account_id: '99' } },
      held: { refreshToken: 'rt-1' },
      asks: [
        [
          'POST',
          'https://launchpad.37signals.com/authorization/token',
          { type: 'refresh', refresh_token: 'rt-1', client_secret: 'secret-1', 'user-agent': 'Keyward (platform@example.com)' },
        ],
      ],
      answers: [{ access_token: 'at-2' }],
      gives: { accessToken: 'at-2' },
      awake: { refreshInMs: Math.floor(0.8 * 14 * DAY) },
      asleep: null,
    },
  ],
  [
    'client credentials, issued again',
    {
      connector: 'auth0_management',
      values: { app: { domain: 'acme.eu.auth0.com' } },
      asks: [
        [
          'POST',
          'https://acme.eu.auth0.com/oauth/token',
          { grant_type: 'client_credentials', audience: 'https://acme.eu.auth0.com/api/v2/', client_secret: 'secret-1' },
        ],
      ],
      answers: [{ access_token: 'at-2', token_type: 'Bearer', expires_in: 86_400 }],
      gives: { accessToken: 'at-2' },
      awake: { refreshInMs: 0.8 * DAY },
      asleep: null,
    },
  ],
  [
    'a token of a GitHub App’s installation, for a JWT of the app',
    {
      connector: 'github_app',
      values: { app: { slug: 'agents' }, connection: { installation_id: '42' } },
      asks: [['POST', 'https://api.github.com/app/installations/42/access_tokens', { accept: 'application/vnd.github+json' }]],
      answers: [{ token: 'ghs_2', expires_at: '2030-01-01T01:00:00Z', permissions: { issues: 'read' } }],
      gives: { accessToken: 'ghs_2', scopes: ['issues:read'] },
      awake: { refreshInMs: 48 * MINUTE, accessExpiresInMs: HOUR },
      asleep: null,
    },
  ],
  [
    'a long-lived token of Instagram, extended by itself',
    {
      connector: 'instagram',
      held: { accessToken: 'at-1' },
      asks: [
        ['GET', 'https://graph.instagram.com/refresh_access_token', { grant_type: 'ig_refresh_token', access_token: 'at-1' }],
      ],
      answers: [{ access_token: 'at-2', token_type: 'bearer', expires_in: 5_184_000 }],
      gives: { accessToken: 'at-2' },
      awake: { refreshInMs: 53 * DAY },
      asleep: 53 * DAY,
    },
  ],
  [
    'and one of Facebook',
    {
      connector: 'facebook',
      held: { accessToken: 'at-1' },
      asks: [
        [
          'GET',
          'https://graph.facebook.com/v25.0/oauth/access_token',
          { grant_type: 'fb_exchange_token', fb_exchange_token: 'at-1', client_id: 'id-1', client_secret: 'secret-1' },
        ],
      ],
      answers: [{ access_token: 'at-2', token_type: 'bearer', expires_in: 5_184_000 }],
      gives: { accessToken: 'at-2' },
      awake: { refreshInMs: 53 * DAY },
      asleep: 53 * DAY,
    },
  ],
  [
    'a JWT that nobody is asked for',
    {
      connector: 'snowflake',
      values: { connection: { host: 'acme.snowflakecomputing.com', account: 'ACME', user: 'ROBOT' } },
      held: { refreshToken: pem },
      asks: [],
      answers: [],
      gives: { accessToken: expect.stringMatching(/^ey/) },
      awake: { accessExpiresInMs: 3_510_000, refreshInMs: 2_808_000 },
      asleep: null,
    },
  ],
  [
    'an unknown expiry, which introspection tells',
    {
      connector: 'salesforce',
      values: { connection: { login_host: 'login.salesforce.com', instance_url: 'https://acme.my.salesforce.com' } },
      held: { refreshToken: 'rt-1' },
      asks: [
        ['POST', 'https://login.salesforce.com/services/oauth2/token', { grant_type: 'refresh_token', refresh_token: 'rt-1' }],
        ['POST', 'https://login.salesforce.com/services/oauth2/introspect', { token: 'at-2', token_type_hint: 'access_token' }],
      ],
      answers: [
        { access_token: 'at-2', token_type: 'Bearer', instance_url: 'https://acme.my.salesforce.com' },
        { active: true, exp: Date.parse('2030-01-01T02:00:00Z') / 1000 },
      ],
      gives: { accessToken: 'at-2', captured: { instance_url: 'https://acme.my.salesforce.com' } },
      awake: { refreshInMs: 96 * MINUTE, accessExpiresInMs: 2 * HOUR },
      asleep: null,
    },
  ],
];

it.each(kinds)('is data alone: %s', async (_kind, { connector, values, held, asks, answers, gives, awake, asleep }) => {
  const manifest = catalog.connector(connector);
  if (manifest === undefined) throw new Error(`there is no connector ${connector}`);
  const provider = resolveProvider(manifest, { clientId: client.clientId, ...values });
  const asked: typeof asks = [];
  const wire: Wire = {
    now: () => new Date('2030-01-01T00:00:00.000Z'),
    fetch: (url, { method, headers, body = '' }) => {
      const { origin, pathname, searchParams } = new URL(url);
      asked.push([method, origin + pathname, { ...headers, ...Object.fromEntries(searchParams), ...parametersOf(body) }]);
      return Promise.resolve(Response.json(answers[asked.length - 1]));
    },
  };
  const tokens = await renewToken({ provider, client, scopes: provider.auth.scopes.default, ...held }, wire);
  expect(asked).toEqual(asks.map(([method, url, says]) => [method, url, expect.objectContaining(says)]));
  expect(tokens).toMatchObject(gives);
  const { lifetimeMs, refreshLifetimeMs } = tokens;
  const life = { provider, lifetimeMs, refreshLifetimeMs, renewable: true, elapsedMs: 0, random: () => 0 };
  expect(tokenTimes({ ...life, asleep: false })).toMatchObject(awake);
  expect(tokenTimes({ ...life, asleep: true }).refreshInMs).toBe(asleep);
});

it('the JWT of the installation is the app’s, and no older than its lifetime', async () => {
  const manifest = catalog.connector('github_app');
  if (manifest === undefined) throw new Error('there is no connector github_app');
  const provider = resolveProvider(manifest, {
    clientId: 'id-1',
    app: { slug: 'agents' },
    connection: { installation_id: '42' },
  });
  const shown: string[] = [];
  const fetch: Wire['fetch'] = (_url, { headers }) => {
    shown.push(headers['authorization'] ?? '');
    return Promise.resolve(Response.json({ token: 'ghs_2', expires_at: '2099-01-01T01:00:00Z' }));
  };
  for (let index = 0; index < 2; index++) await renewToken({ provider, client, scopes: [] }, { fetch });
  const [first, second] = shown.map((header) => decodeJwt(header.replace('Bearer ', '')));
  expect(first).toMatchObject({ iss: 'id-1', exp: (first?.iat ?? 0) + 300 });
  expect(second?.jti).not.toBe(first?.jti);
});

function parametersOf(body: string): Record<string, string> {
  return body.startsWith('{') ? (JSON.parse(body) as Record<string, string>) : Object.fromEntries(new URLSearchParams(body));
}
