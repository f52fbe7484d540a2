import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { environmentOf, OddProvider, type Answer } from '../../test/odd-provider.js';
import { World } from '../../test/world.js';

const STEPPED = `auth:
  kind: oauth2_authorization_code
  authorization_endpoint: 'URL/auth'
  token_endpoint: 'URL/token'
  steps: [{ endpoint: 'URL/second', authentication: bearer }]
refresh: { rotates: true, repeat_steps: true }`;

let world: World;
let stepped: OddProvider;
/** The one refresh token that the server takes. What comes again ends the grant, once and for all. */
let current: string;
let reused: string[];
/** What the step answers, the next one first; afterwards it succeeds. */
let steps: Answer[];

beforeAll(async () => {
  world = await World.create();
  stepped = await OddProvider.start(world, 'stepped');
  stepped.answer = ({ path, parameters }) => (path === '/second' ? second() : rotated(parameters['refresh_token'] ?? ''));
  const environment = await environmentOf(world, [[stepped, STEPPED]]);
  await Promise.all([world.startRefresher(environment), world.startRefresher(environment)]);
});
beforeEach(() => {
  [current, reused, steps] = ['refresh-1', [], []];
  stepped.questions.length = 0;
});
afterAll(() => world.close());

function rotated(sent: string): Answer {
  if (sent !== current) {
    reused.push(sent);
    current = 'none: the grant was ended';
    return { status: 400, body: { error: 'invalid_grant' } };
  }
  current = `refresh-${Number(sent.slice(8)) + 1}`;
  return { body: { access_token: `first-${sent}`, token_type: 'Bearer', refresh_token: current, expires_in: 60 } };
}

function second(): Answer {
  return steps.shift() ?? { body: { access_token: 'last', token_type: 'Bearer', expires_in: 3600 } };
}

type Connection = Awaited<ReturnType<OddProvider['connect']>>;

const ask = (connection: Connection, request: Parameters<World['ask']>[1] = {}) => world.ask(connection, request, 'stepped');
const due = ({ connection }: Connection) =>
  world.admin.query('UPDATE vault.credential SET refresh_at = now() WHERE connection_id = $1', [connection]);

async function refreshToken(connection: Connection): Promise<string> {
  const { generation, sealedRefresh } = await world.row(connection);
  if (sealedRefresh === null) throw new Error('there is none');
  return world.credentials.openRefreshToken({ ...connection, generation, sealedRefresh }, (token) => Promise.resolve(token));
}

const sent = () => stepped.questions.filter(({ path }) => path === '/token').map(({ parameters }) => parameters['refresh_token']);

describe('a renewal that is interrupted at a step', () => {
  it.each<[string, Answer]>([
    ['an outage', { status: 503, body: {} }],
    ['a lost answer', 'break off'],
    ['a gateway that waited in vain', { status: 504, body: {} }],
    ['a refusal', { status: 400, body: { error: 'invalid_grant' } }],
    ['nonsense', { body: { no: 'token' } }],
  ])('by %s keeps the rotated refresh token and the access token, and goes through the next time', async (_what, answer) => {
    const connection = await stepped.connect({ material: 'refresh-1' });
    const before = await world.row(connection);
    steps = [answer];
    expect(await ask(connection)).toMatchObject({ outcome: 'failed', error: { retryAfterMs: expect.any(Number) } });
    const after = await world.row(connection);
    expect(after).toMatchObject({ status: 'active', failures: 1, leaseOwner: null, renewable: true });
    const passedMs = after.readAt - before.readAt;
    const lifeLost = (before.accessExpiresInMs ?? 0) - (after.accessExpiresInMs ?? 0);
    expect(Math.abs(lifeLost - passedMs)).toBeLessThan(500);
    expect([await world.accessToken(connection), await refreshToken(connection)]).toEqual(['access-1', 'refresh-2']);
    expect(await world.connectionEvents(connection, 'refreshed')).toEqual([]);

    await due(connection);
    await waitFor(async () => (await world.accessToken(connection)) === 'last');
    expect(await world.row(connection)).toMatchObject({ status: 'active', failures: 0 });
    expect([await refreshToken(connection), sent(), reused]).toEqual(['refresh-3', ['refresh-1', 'refresh-2'], []]);
  });

  it('time and again, goes on by itself and never sends a token twice', async () => {
    const connection = await stepped.connect({ material: 'refresh-1', refreshInMs: 0 });
    steps = [{ status: 503, body: {} }, 'break off', { status: 502, body: {} }];
    await waitFor(async () => (await world.accessToken(connection)) === 'last', { timeoutMs: 30_000 });
    expect([sent(), reused]).toEqual([['refresh-1', 'refresh-2', 'refresh-3', 'refresh-4'], []]);
    expect(await world.row(connection)).toMatchObject({ status: 'active', failures: 0, generation: 5 });
  });

  it('leaves the provider alone until it is time, however many ask, and is audited as a failure', async () => {
    const connection = await stepped.connect({ material: 'refresh-1' });
    steps = [{ status: 400, body: { error: 'invalid_request' } }];
    const replies = await Promise.all(Array.from({ length: 20 }, () => ask(connection)));
    expect(replies).toContainEqual(expect.objectContaining({ outcome: 'failed' }));
    const { generation } = await world.row(connection);
    expect(await ask(connection, { newerThan: generation })).toMatchObject({
      outcome: 'failed',
      error: { code: 'provider_unavailable', retryAfterMs: expect.any(Number) },
    });
    expect([sent(), reused]).toEqual([['refresh-1'], []]);
    const [audited] = await waitFor(async () => {
      const found = await world.auditEvents(connection, 'connection.refresh_failed');
      return found.length > 0 ? found : undefined;
    });
    expect(audited).toMatchObject({ reason: 'rejected' });
    expect(JSON.stringify(audited)).not.toContain('refresh-2');
  });
});
