import { afterAll, describe, expect, it } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';
import { dedicatedPostgres, testNats, testPostgres, waitFor } from './index.js';

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}

describe('testPostgres', () => {
  it('gives every caller an empty database of its own, on one server', async () => {
    const [one, two] = await Promise.all([testPostgres(), testPostgres()]);
    await query(one.url, 'CREATE TABLE note (id int)');
    expect(await query(two.url, `SELECT to_regclass('note') AS found`)).toEqual([{ found: null }]);
    expect(new URL(one.url).port).toBe(new URL(two.url).port);
    await one.stop();
    await expect(query(one.url, 'SELECT 1')).rejects.toThrow();
    expect(await query(two.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await two.stop();
    await expect(query(two.url, 'SELECT 1')).rejects.toThrow();
  });

  it('keeps committed rows over a crash and restart of a dedicated server', async () => {
    const database = await dedicatedPostgres();
    await query(database.url, 'CREATE TABLE note (id int); INSERT INTO note VALUES (7)');
    await database.kill();
    await expect(query(database.url, 'SELECT 1')).rejects.toThrow();
    await database.restart();
    expect(await query(database.url, 'SELECT id FROM note')).toEqual([{ id: 7 }]);
    await database.stop();
  });
});

describe('testNats', () => {
  const stops: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  it('answers requests, has JetStream, and comes back on its port after a crash', async () => {
    const nats = await testNats();
    stops.push(() => nats.stop());
    const connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
    stops.push(() => connection.close());
    const created = await connection.request(
      '$JS.API.STREAM.CREATE.S',
      JSON.stringify({ name: 'S', subjects: ['s'], storage: 'file' }),
    );
    expect(created.json()).toMatchObject({ config: { name: 'S' } });
    await nats.kill();
    await nats.restart();
    const info = await waitFor(
      async () => (await connection.request('$JS.API.STREAM.INFO.S')).json<{ config?: object }>().config,
    );
    expect(info).toMatchObject({ name: 'S' });
  });
});

describe('waitFor', () => {
  it('gives the first truthy value, taking errors for "not yet"', async () => {
    let calls = 0;
    const value = await waitFor(() => {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return calls === 3 ? 'here' : undefined;
    });
    expect([value, calls]).toEqual(['here', 3]);
  });

  it('says what it waited for, and why it was refused, when time is up', async () => {
    const waiting = waitFor(() => Promise.reject(new Error('still no')), { timeoutMs: 20, what: 'the row' });
    await expect(waiting).rejects.toMatchObject({ message: 'Not within 20 ms: the row', cause: new Error('still no') });
  });
});
