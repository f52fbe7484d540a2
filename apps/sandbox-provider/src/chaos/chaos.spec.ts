import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { MANAGEMENT_TOKEN, sandboxConfig } from '../../test/config.js';
import { startSandbox, type Sandbox } from '../server.js';
import type { OrderReport } from './chaos.js';

let sandbox: Sandbox;
let token: string;

async function manage<T>(method: string, path: string, body?: unknown): Promise<{ status: number; body: T }> {
  const response = await fetch(`${sandbox.url}/sandbox/${path}`, {
    method,
    headers: { authorization: `Bearer ${MANAGEMENT_TOKEN}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T };
}
const order = async (body: object) => (await manage<OrderReport>('POST', 'chaos', body)).body;
const reports = async () => (await manage<{ orders: OrderReport[] }>('GET', 'chaos')).body.orders;

const call = (path: string, init: RequestInit = {}) =>
  fetch(`${sandbox.url}/api/${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
const write = (title: string, init: RequestInit = {}) =>
  call('notes', { ...init, method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ title }) });
const statuses = async (count: number, path = 'me') => {
  const found: number[] = [];
  for (let turn = 0; turn < count; turn++) found.push((await call(path)).status);
  return found;
};
/** How often there is a note of this title. */
const written = async (title: string) => {
  const { notes } = (await (await call('notes?limit=100')).json()) as { notes: { title: string }[] };
  return notes.filter((note) => note.title === title).length;
};

/** Everything that comes, as it comes, until the server ends the connection or this is enough. */
async function raw(path: string, isEnough: (text: string) => boolean = () => false): Promise<string> {
  const { hostname, port } = new URL(sandbox.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  let text = '';
  const ended = new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      text += String(data);
      if (isEnough(text)) socket.end(() => resolve());
    });
    socket.once('close', () => resolve()).on('error', () => undefined);
  });
  socket.write(`GET /api/${path} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  await ended;
  return text;
}

beforeAll(async () => {
  sandbox = await startSandbox(sandboxConfig);
  const { body: client } = await manage<{ client_id: string }>('POST', 'clients', { redirect_uris: ['https://a.example/cb'] });
  const issue = { client_id: client.client_id, user: 'ada' };
  token =
    (await manage<{ tokens: { access_token: string }[] }>('POST', 'tokens/issue', issue)).body.tokens[0]?.access_token ?? '';
});
afterEach(() => manage('DELETE', 'chaos'));
afterAll(() => sandbox.close());

describe('an order', () => {
  it('is about a path and a method, for so many requests; it tells how many there were', async () => {
    const { id } = await order({ kind: 'fail', path: '/api/me', method: 'GET', count: 2 });
    expect(await statuses(3)).toEqual([503, 503, 200]);
    expect((await call('echo')).status).toBe(200);
    expect(await reports()).toMatchObject([{ id, seen: 2, spoilt: 2, isOver: true }]);
  });

  it('ends after its time', async () => {
    await order({ kind: 'fail', path: '/api/', forMs: 150 });
    expect((await call('me')).status).toBe(503);
    await waitFor(async () => (await call('me')).status === 200);
    expect(await reports()).toMatchObject([{ isOver: true }]);
  });

  it('spoils a share of the requests, the same ones for the same seed', async () => {
    const spell = async (seed: number) => {
      await order({ kind: 'fail', path: '/api/me', share: 0.2, seed });
      const found = await statuses(100);
      await manage('DELETE', 'chaos');
      return found;
    };
    const [first, again, other] = [await spell(1), await spell(1), await spell(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    const failed = first.filter((status) => status === 503).length;
    expect([failed > 10, failed < 32]).toEqual([true, true]);
  });

  it('can be withdrawn, of several the first that spoils counts, and a watch only counts', async () => {
    const watch = await order({ kind: 'watch', path: '/api/' });
    const first = await order({ kind: 'fail', status: 502, path: '/api/me' });
    await order({ kind: 'fail', status: 504, path: '/api/' });
    expect(await statuses(1)).toEqual([502]);
    expect((await manage<OrderReport>('DELETE', `chaos/${first.id}`)).body).toMatchObject({ spoilt: 1, isOver: true });
    expect(await statuses(1)).toEqual([504]);
    expect((await manage('DELETE', `chaos/${first.id}`)).status).toBe(404);
    expect((await reports()).find(({ id }) => id === watch.id)).toMatchObject({ seen: 2, spoilt: 0 });
  });

  it.each([
    ['of an unknown kind', { kind: 'explode', path: '/api/' }],
    ['without a path', { kind: 'fail' }],
    ['about the management itself', { kind: 'fail', path: '/sandbox/chaos' }],
    ['with a member too many', { kind: 'slow', path: '/api/', ms: 5, style: 'none' }],
  ])('%s is refused', async (_what, body) => {
    expect((await manage('POST', 'chaos', body)).status).toBe(400);
  });

  it('about everything leaves the management alone, which needs its token', async () => {
    await order({ kind: 'reset', path: '/' });
    await expect(call('me')).rejects.toThrow();
    expect(await reports()).toHaveLength(1);
    expect((await fetch(`${sandbox.url}/sandbox/chaos`)).status).toBe(401);
  });
});

describe('a limit is told', () => {
  const limit = async (style: string) => {
    await order({ kind: 'limit', style, seconds: 2, path: '/api/me' });
    const { status, headers } = await call('me');
    expect(status).toBe(429);
    return headers;
  };

  it('in each of the ways that there are', async () => {
    expect((await limit('retry-after')).get('retry-after')).toBe('2');
    await manage('DELETE', 'chaos');
    const date = (await limit('retry-after-date')).get('retry-after') ?? '';
    expect(date).toMatch(/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
    expect([Date.parse(date) > Date.now(), Date.parse(date) <= Date.now() + 3_000]).toEqual([true, true]);
    await manage('DELETE', 'chaos');
    expect((await limit('ratelimit')).get('ratelimit')).toBe('"default";r=0;t=2');
    await manage('DELETE', 'chaos');
    expect((await limit('ratelimit-fields')).get('ratelimit-reset')).toBe('2');
    await manage('DELETE', 'chaos');
    expect(Number((await limit('x-ratelimit')).get('x-ratelimit-reset')) * 1000).toBeGreaterThan(Date.now());
    await manage('DELETE', 'chaos');
    expect([...(await limit('none')).keys()].filter((name) => /limit|retry/.test(name))).toEqual([]);
  });

  it('on the request’s own order as well', async () => {
    const { status, headers } = await call('limit?style=ratelimit-fields&retry_after=7');
    expect([status, headers.get('ratelimit-reset'), headers.get('retry-after')]).toEqual([429, '7', null]);
  });
});

describe('an answer goes wrong', () => {
  it('late', async () => {
    await order({ kind: 'slow', ms: 80, path: '/api/me' });
    const began = performance.now();
    expect(await statuses(1)).toEqual([200]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(75);
  });

  it('in the middle: the connection ends, or nothing more comes, or more than was said', async () => {
    const length = (await (await call('me')).text()).length;
    const bodyOf = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4);
    const [closed, stalled, excess] = ['closed', 'stalled', 'excess'].map((style) => ({
      kind: 'cut',
      style,
      path: '/api/me',
      count: 1,
    }));
    await order(closed as object);
    const cut = await raw('me');
    expect(cut).toContain(`content-length: ${length}`);
    expect(bodyOf(cut)).toHaveLength(Math.floor(length / 2));
    await order(stalled as object);
    expect(bodyOf(await raw('me', (text) => bodyOf(text).length > 0))).toHaveLength(Math.floor(length / 2));
    await order(excess as object);
    const more = await raw('me', (text) => text.endsWith('said"}'));
    expect(more).toContain(`content-length: ${length}`);
    expect(bodyOf(more).length).toBeGreaterThan(length);
  });

  it('after the request was carried out, or before: a reset, a silence, a server error', async () => {
    const cases: [string, object][] = [
      ['reset', { kind: 'reset' }],
      ['silence', { kind: 'silence', ms: 50 }],
      ['fail', { kind: 'fail' }],
    ];
    for (const [kind, disorder] of cases) {
      for (const processed of [true, false]) {
        await order({ ...disorder, processed, path: '/api/notes', method: 'POST', count: 1 });
        const title = `${kind} ${processed}`;
        const status = await write(title).then(
          (response) => response.status,
          () => 'cut',
        );
        expect([kind, status, await written(title)]).toEqual([kind, kind === 'fail' ? 503 : 'cut', processed ? 1 : 0]);
      }
    }
  });

  it('for the caller who hangs up first as well', async () => {
    await order({ kind: 'silence', path: '/api/notes', method: 'POST', count: 1 });
    await expect(write('unheard', { signal: AbortSignal.timeout(100) })).rejects.toThrow();
    expect(await written('unheard')).toBe(1);
  });
});
