import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { HostileServer } from '../hostile-server.js';
import { testNats, type TestNats } from '../nats.js';
import { testPostgres, type TestPostgres } from '../postgres.js';
import { waitFor } from '../wait-for.js';
import { FaultProxy, httpProtocol, natsProtocol, postgresProtocol } from './index.js';

describe('a faulty way to PostgreSQL', () => {
  let postgres: TestPostgres;
  let proxy: FaultProxy;
  let direct: pg.Pool;
  let client: pg.Pool;

  beforeAll(async () => {
    postgres = await testPostgres();
    proxy = await FaultProxy.start(postgresProtocol, postgres.url);
    direct = new pg.Pool({ connectionString: postgres.url, max: 1 });
    client = new pg.Pool({ connectionString: proxy.url, max: 2, connectionTimeoutMillis: 2000 });
    client.on('error', () => undefined);
    await direct.query('CREATE TABLE counted (n int)');
  });
  afterEach(() => proxy.heal());
  afterAll(async () => {
    await client.end();
    await direct.end();
    await proxy.stop();
    await postgres.stop();
  });

  const insert = (n: number) => client.query({ name: 'insert_counted', text: 'INSERT INTO counted VALUES ($1)', values: [n] });
  const has = async (n: number) => (await direct.query('SELECT 1 FROM counted WHERE n = $1', [n])).rowCount === 1;

  it('lets everything through, prepared or not, large or small', async () => {
    await insert(1);
    await insert(2);
    const { rows } = await client.query("SELECT repeat('x', 3000000) AS large");
    expect([await has(1), await has(2), rows[0]?.large.length]).toEqual([true, true, 3_000_000]);
  });

  it('breaks before the server has the statement', async () => {
    const fault = proxy.arm({ contains: 'insert_counted', fault: { at: 'request', then: 'close' } });
    await expect(insert(3)).rejects.toThrow();
    await insert(4);
    expect([fault.hits, await has(3), await has(4)]).toEqual([1, false, true]);
  });

  it.each(['close', 'half'] as const)('loses the answer of what was committed: %s', async (then) => {
    proxy.arm({ contains: 'insert_counted', fault: { at: 'answer', then } });
    await expect(insert(5)).rejects.toThrow();
    expect(await has(5)).toBe(true);
    await direct.query('DELETE FROM counted WHERE n = 5');
  });

  it('hangs after the commit until it heals, or until the client is gone', async () => {
    const fault = proxy.arm({ contains: 'insert_counted', fault: { at: 'answer', then: 'hang' } });
    const insertion = insert(6).then(
      () => 'answered',
      () => 'broken',
    );
    await fault.fired;
    expect(await has(6)).toBe(true);
    proxy.heal();
    expect(await insertion).toBe('broken');
  });

  it('hits as often as it is told, after as many as it is told', async () => {
    const fault = proxy.arm({ contains: 'insert_counted', skip: 1, times: 2, fault: { at: 'request', then: 'close' } });
    await insert(7);
    await expect(insert(8)).rejects.toThrow();
    await expect(insert(9)).rejects.toThrow();
    await insert(10);
    expect([fault.hits, await has(8), await has(9), await has(10)]).toEqual([2, false, false, true]);
  });

  it('is not there at all, and is there again', async () => {
    proxy.refuse();
    await expect(insert(11)).rejects.toThrow();
    proxy.heal();
    await insert(12);
    expect([await has(11), await has(12)]).toEqual([false, true]);
  });
});

describe('a faulty way to NATS', () => {
  let nats: TestNats;
  let proxy: FaultProxy;
  let nc: NatsConnection;

  beforeAll(async () => {
    nats = await testNats();
    proxy = await FaultProxy.start(natsProtocol, nats.url);
    nc = await connect({ servers: proxy.url, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
    await nc.request('$JS.API.STREAM.CREATE.TEST', JSON.stringify({ name: 'TEST', subjects: ['test.>'], storage: 'memory' }));
  });
  afterEach(() => proxy.heal());
  afterAll(async () => {
    await nc.close();
    await proxy.stop();
    await nats.stop();
  });

  const publish = () => nc.request('test.event', 'x'.repeat(100), { timeout: 500 });
  const stored = async () => {
    const info = await nc.request('$JS.API.STREAM.INFO.TEST', '', { timeout: 5000 });
    return info.json<{ state: { messages: number } }>().state.messages;
  };

  it('lets publications and their acknowledgements through', async () => {
    expect((await publish()).json()).toMatchObject({ stream: 'TEST' });
    expect(await stored()).toBe(1);
  });

  it('loses the acknowledgement of what was stored, and nothing else', async () => {
    const before = await stored();
    const fault = proxy.arm({ contains: 'PUB test.event', fault: { at: 'answer', then: 'close' } });
    await expect(publish()).rejects.toThrow();
    expect(fault.hits).toBe(1);
    expect(await waitFor(stored)).toBe(before + 1);
  });

  it('breaks before the server has the publication', async () => {
    const before = await waitFor(stored);
    proxy.arm({ contains: 'PUB test.event', fault: { at: 'request', then: 'close' } });
    await expect(publish()).rejects.toThrow();
    expect(await waitFor(stored)).toBe(before);
  });
});

describe('a faulty way to an HTTP server', () => {
  let server: HostileServer;
  let proxy: FaultProxy;
  const exchanges: boolean[] = [];

  beforeAll(async () => {
    server = await HostileServer.start((_request, response, body) => response.end(`got ${body}`));
    proxy = await FaultProxy.start(httpProtocol, server.origin, (_request, answer) => exchanges.push(answer !== undefined));
  });
  afterEach(() => {
    proxy.heal();
    exchanges.length = 0;
  });
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });

  const post = async (path: string) => (await fetch(`${proxy.url}${path}`, { method: 'POST', body: 'question' })).text();

  it('lets requests and answers through', async () => {
    expect(await post('/token')).toBe('got question');
  });

  it.each([
    [{ at: 'request', then: 'close' }, 0],
    [{ at: 'answer', then: 'close' }, 1],
    [{ at: 'answer', then: 'half' }, 1],
  ] as const)('%j: the server has it %d times', async (fault, received) => {
    const before = server.requests.length;
    proxy.arm({ contains: 'POST /token ', fault });
    await expect(post('/token')).rejects.toThrow();
    expect(server.requests.length - before).toBe(received);
    await waitFor(() => exchanges.length === 1);
    expect(await post('/token')).toBe('got question');
    expect(exchanges).toEqual([false, true]);
  });

  it('catches an answer by what is in it', async () => {
    server.answer = (_request, response, body) => response.end(body.toUpperCase());
    const ask = async (body: string) => (await fetch(proxy.url, { method: 'POST', body })).text();
    proxy.arm({ contains: 'POST ', answerContains: 'WANTED', fault: { at: 'answer', then: 'close' } });
    expect(await ask('other')).toBe('OTHER');
    await expect(ask('wanted')).rejects.toThrow();
    expect(await ask('wanted')).toBe('WANTED');
    server.answer = (_request, response, body) => response.end(`got ${body}`);
  });

  it('holds an answer back, and leaves other paths alone', async () => {
    const fault = proxy.arm({ contains: 'POST /token ', fault: { at: 'answer', then: 'delay', ms: 100 } });
    const before = performance.now();
    expect(await post('/other')).toBe('got question');
    expect(fault.hits).toBe(0);
    expect(await post('/token')).toBe('got question');
    expect(performance.now() - before).toBeGreaterThanOrEqual(95);
  });
});
