import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { dedicatedPostgres, testPostgres, waitFor } from '@keyward/testing';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { migratedDatabase, type MigratedDatabase } from '../../test/database.js';
import { createDataSource } from '../data-source.js';
import { migrate } from '../migrate.js';
import { enqueue } from './enqueue.js';
import { OutboxRelay, type OutboxMessage, type Publish } from './relay.js';
import { wakeRelay } from './wake-relay.js';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const logger = { info: () => undefined, warn: () => undefined };

describe('outbox', () => {
  let database: MigratedDatabase;
  let admin: pg.Client;
  let ds: DataSource;
  const relays: OutboxRelay[] = [];

  beforeAll(async () => {
    database = await migratedDatabase(await testPostgres());
    admin = await database.connect(database.url);
    ds = createDataSource({ url: await database.urlOf('auth'), applicationName: 'outbox-test' });
    await ds.initialize();
  });
  afterEach(async () => {
    for (const relay of relays.splice(0)) await relay.stop();
    await admin.query('DELETE FROM bus.outbox');
  });
  afterAll(async () => {
    await ds.destroy();
    await database.stop();
  });

  function start(publish: Publish): OutboxRelay {
    const relay = new OutboxRelay(ds, publish, { logger });
    relays.push(relay);
    relay.start();
    return relay;
  }

  const send = async (subject: string, count = 1): Promise<string[]> => {
    const ids = Array.from({ length: count }, () => newId('msg'));
    await ds.transaction(async (em) => {
      for (const id of ids) await enqueue(em, { id, subject, payload: { id } });
    });
    return ids;
  };
  const waiting = async (): Promise<number> => (await admin.query('SELECT 1 FROM bus.outbox')).rowCount ?? 0;
  const listeners = async (): Promise<number[]> => {
    const find = `SELECT pid FROM pg_stat_activity WHERE application_name = 'outbox-test outbox' AND query LIKE 'LISTEN%'`;
    return (await admin.query<{ pid: number }>(find)).rows.map(({ pid }) => pid);
  };

  it('publishes what was committed, whole, and removes it', async () => {
    const published: OutboxMessage[] = [];
    start(async (message) => void published.push(message));
    const id = newId('msg');
    const payload = { text: 'ä\u2028"', nested: [1.5, null] };
    await ds.transaction((em) => enqueue(em, { id, subject: 'connection.revoked.org_1', payload, headers: { 'X-Test': 'y' } }));
    await waitFor(async () => (await waiting()) === 0);
    expect(published).toEqual([{ id, subject: 'connection.revoked.org_1', headers: { 'X-Test': 'y' }, payload }]);
  });

  it('sends the trace along in which the message was written', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    const published: OutboxMessage[] = [];
    start(async (message) => void published.push(message));
    try {
      const spanContext = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
      await context.with(trace.setSpanContext(ROOT_CONTEXT, spanContext), () => send('audit.org_1'));
    } finally {
      for (const api of [context, propagation]) api.disable();
    }
    await waitFor(() => published.length === 1);
    expect(published[0]?.headers).toEqual({ traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` });
  });

  it('publishes nothing of a transaction that is undone', async () => {
    const published: string[] = [];
    start(async ({ id }) => void published.push(id));
    const undone = ds.transaction(async (em) => {
      await enqueue(em, { id: newId('msg'), subject: 'audit.org_1', payload: {} });
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    const [id] = await send('audit.org_1');
    await waitFor(() => published.length > 0);
    expect(published).toEqual([id]);
  });

  it('keeps the order of one organization through more than one batch', async () => {
    const published: string[] = [];
    const ids = await send('audit.org_1', 250);
    start(async ({ id }) => {
      // Slow for some, so that anything concurrent would overtake.
      if (published.length % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      published.push(id);
    });
    await waitFor(async () => (await waiting()) === 0);
    expect(published).toEqual(ids);
  });

  it('keeps the order of one connection, and holds up no other of the organization', async () => {
    const published: string[] = [];
    let blocked = true;
    await ds.transaction(async (em) => {
      for (const [id, connection] of [
        ['first', 'conn_1'],
        ['second', 'conn_1'],
        ['other', 'conn_2'],
      ] as const) {
        await enqueue(em, {
          id,
          subject: `${id === 'second' ? 'audit' : 'connection.refreshed'}.org_1`,
          payload: { connection },
        });
      }
    });
    start(async ({ id }) => {
      if (id === 'first' && blocked) throw new Error('the bus is away');
      published.push(id);
    });
    await waitFor(() => published.includes('other'));
    blocked = false;
    await waitFor(async () => (await waiting()) === 0);
    expect(published).toEqual(['other', 'first', 'second']);
  });

  it('repeats what could not be published, in order, without holding up another organization', async () => {
    const published: string[] = [];
    let failuresLeft = 3;
    const [first, second] = await send('audit.org_1', 2);
    const [other] = await send('audit.org_2');
    start(async ({ id, subject }) => {
      if (subject === 'audit.org_1' && failuresLeft-- > 0) throw new Error('the bus is away');
      published.push(id);
    });
    await waitFor(async () => (await waiting()) === 0);
    expect(published.filter((id) => id === first || id === second)).toEqual([first, second]);
    expect(published.indexOf(other ?? '')).toBeLessThan(published.indexOf(first ?? ''));
    expect(new Set(published).size).toBe(published.length);
  });

  it('two relays share the work and publish each message once', async () => {
    const published: string[] = [];
    const ids = (await Promise.all(['org_1', 'org_2', 'org_3', 'org_4'].map((org) => send(`audit.${org}`, 150)))).flat();
    for (let i = 0; i < 2; i++) start(async ({ id }) => void published.push(id));
    await waitFor(async () => (await waiting()) === 0);
    expect(published.sort()).toEqual(ids.sort());
  });

  it('a relay killed between publishing and removing leaves the message to the next, which repeats it under the same id', async () => {
    const [id] = await send('audit.org_1');
    const args = ['--conditions=@keyward/source', '--no-warnings', '--import', './test/support/source-loader.mjs'];
    const script = fileURLToPath(new URL('../../test/relay-process.ts', import.meta.url));
    const child = spawn(process.execPath, [...args, script, await database.urlOf('auth')], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    expect(said.toString()).toBe(`${id}\n`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await waiting()).toBe(1);

    const published: string[] = [];
    start(async (message) => void published.push(message.id));
    await waitFor(async () => (await waiting()) === 0);
    expect(published).toEqual([id]);
  });

  it('a notification that never comes delays a message, and loses none', async () => {
    const published: string[] = [];
    start(async ({ id }) => void published.push(id));
    await waitFor(async () => (await listeners()).length === 1);
    await admin.query('ALTER TABLE bus.outbox DISABLE TRIGGER outbox_notify');
    const [id] = await send('audit.org_1');
    await waitFor(() => published.length === 1);
    await admin.query('ALTER TABLE bus.outbox ENABLE TRIGGER outbox_notify');
    expect(published).toEqual([id]);
  });

  it('sends at once what it is woken for, and by itself only what nobody else took', async () => {
    const published: string[] = [];
    start(async ({ id }) => void published.push(id));
    const write = (id: string, age: string) =>
      admin.query(
        `BEGIN; SET LOCAL keyward.outbox_bell = 'off';
         INSERT INTO bus.outbox (id, subject, payload, created_at) VALUES ('${id}', 'audit.org_1', '{}', now() - interval '${age}'); COMMIT`,
      );
    // The first may still meet with the wake-up of the start.
    for (const id of ['old 1', 'old 2', 'young', 'old 3']) {
      await write(id, id === 'young' ? '-1 hour' : '1 hour');
      if (id !== 'young') await waitFor(() => published.includes(id));
    }
    expect(published).toEqual(['old 1', 'old 2', 'old 3']);
    wakeRelay(ds);
    await waitFor(() => published.includes('young'));
  });

  it('listens again after its connection broke', async () => {
    start(async () => undefined);
    await waitFor(async () => (await listeners()).length === 1);
    const before = await listeners();
    await admin.query(`SELECT pg_terminate_backend($1)`, before);
    await waitFor(async () => (await listeners()).some((pid) => !before.includes(pid)));
    await send('audit.org_1');
    await waitFor(async () => (await waiting()) === 0);
  });

  it('stop finishes the publication in hand, and starts no other', async () => {
    const ids = await send('audit.org_1', 3);
    const published: string[] = [];
    let finish: (() => void) | undefined;
    const relay = start(async ({ id }) => {
      await new Promise<void>((resolve) => (finish = resolve));
      published.push(id);
    });
    await waitFor(() => finish !== undefined);
    const stopped = relay.stop();
    finish?.();
    await stopped;
    expect(published).toEqual(ids.slice(0, 1));
    expect(await waiting()).toBe(2);
  });

  it('says how long the oldest message has been waiting', async () => {
    const relay = new OutboxRelay(ds, async () => undefined, { logger });
    expect(await relay.oldestSeconds()).toBe(0);
    await send('audit.org_1');
    await admin.query(`UPDATE bus.outbox SET created_at = now() - interval '90 seconds'`);
    expect(await relay.oldestSeconds()).toBeGreaterThanOrEqual(90);
  });

  it.each(['audit.*', 'audit.>', 'audit org', '', 'audit..x', 'audit.x\r\nPUB evil'])(
    'refuses the subject %p',
    async (subject) => {
      const attempt = ds.transaction((em) => enqueue(em, { id: newId('msg'), subject, payload: {} }));
      await expect(attempt).rejects.toThrow('not a subject');
      expect(await waiting()).toBe(0);
    },
  );

  it('refuses a message that the bus would never take', async () => {
    const payload = { text: 'x'.repeat(600 * 1024) };
    const attempt = ds.transaction((em) => enqueue(em, { id: newId('msg'), subject: 'audit.org_1', payload }));
    await expect(attempt).rejects.toMatchObject({ code: 'request_too_large' });
  });
});

describe('outbox without its database', () => {
  it('starts before the database does, survives its crash, and then sends what was committed', async () => {
    const server = await dedicatedPostgres();
    await migrate(server.url);
    const ds = createDataSource({ url: server.url, applicationName: 'outbox-crash' });
    const published: string[] = [];
    const warnings: string[] = [];
    const relay = new OutboxRelay(ds, async ({ id }) => void published.push(id), {
      logger: { info: () => undefined, warn: (_fields, message) => void warnings.push(message) },
    });
    relay.start();
    await waitFor(() => warnings.length > 0);
    await ds.initialize();
    await ds.transaction((em) => enqueue(em, { id: 'msg_1', subject: 'audit.org_1', payload: {} }));
    await waitFor(() => published.length === 1);

    await server.kill();
    warnings.length = 0;
    await waitFor(() => warnings.length > 1);
    await server.restart();
    await waitFor(() =>
      ds.transaction((em) => enqueue(em, { id: 'msg_2', subject: 'audit.org_1', payload: {} })).then(() => true),
    );
    await waitFor(() => published.includes('msg_2'));
    expect(new Set(published)).toEqual(new Set(['msg_1', 'msg_2']));
    await relay.stop();
    await ds.destroy();
    await server.stop();
  });
});
