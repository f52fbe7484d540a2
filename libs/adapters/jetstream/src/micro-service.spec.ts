import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { testNats, type TestNats } from '@keyward/testing';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { serveMicroService } from './micro-service.js';
import type { RequestServer } from './request-server.js';

let nats: TestNats;
let nc: NatsConnection;
let asker: NatsConnection;
const running: RequestServer[] = [];

beforeAll(async () => {
  nats = await testNats();
  [nc, asker] = [await connect({ servers: nats.url }), await connect({ servers: nats.url })];
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});
afterAll(async () => {
  await Promise.all([nc.close(), asker.close()]);
  await nats.stop();
});

const DESCRIPTION = { name: 'auth', version: '1.0.0', description: 'Custody.', queue: 'auth-service' };

async function serve(connection = nc): Promise<void> {
  const endpoints = {
    greet: { subject: 'auth.v1.greet', handle: async (payload: unknown) => ({ outcome: 'answered', answer: payload }) },
    refuse: {
      subject: 'auth.v1.refuse',
      handle: async () => {
        throw new KeywardError('forbidden', 'Not allowed.', { cause: new Error('canary') });
      },
    },
  };
  running.push(serveMicroService(connection, DESCRIPTION, endpoints));
  await connection.flush();
}

const ask = async <T = Record<string, unknown>>(subject: string, payload = '{}') =>
  (await asker.request(subject, payload, { timeout: 5000 })).json<T>();

interface Shown {
  id: string;
  type: string;
  endpoints: Record<string, unknown>[];
}

describe('a micro-service', () => {
  it('is found, describes itself and counts, as NATS ADR-32 has it', async () => {
    await serve();
    const { id, ...ping } = await ask<Shown>('$SRV.PING');
    expect(ping).toEqual({ type: 'io.nats.micro.v1.ping_response', name: 'auth', version: '1.0.0', metadata: {} });
    expect(await ask('$SRV.PING.auth')).toMatchObject({ id });
    const info = await ask<Shown>(`$SRV.INFO.auth.${id}`);
    expect(info).toMatchObject({ type: 'io.nats.micro.v1.info_response', description: 'Custody.' });
    expect(info.endpoints).toEqual([
      { name: 'greet', subject: 'auth.v1.greet', queue_group: 'auth-service', metadata: {} },
      { name: 'refuse', subject: 'auth.v1.refuse', queue_group: 'auth-service', metadata: {} },
    ]);

    await ask('auth.v1.greet', '"hello"');
    await ask('auth.v1.refuse');
    const stats = await ask<Shown>('$SRV.STATS.auth');
    expect(stats.type).toBe('io.nats.micro.v1.stats_response');
    expect(stats.endpoints).toMatchObject([
      { name: 'greet', num_requests: 1, num_errors: 0, last_error: '' },
      { name: 'refuse', num_requests: 1, num_errors: 1, last_error: '403:Not allowed.' },
    ]);
  });

  it('answers failures with a problem, and with the headers that other clients look at', async () => {
    await serve();
    const message = await asker.request('auth.v1.refuse', '{}', { timeout: 5000 });
    expect(message.json()).toMatchObject({ outcome: 'failed', error: { code: 'forbidden', status: 403 } });
    expect([message.headers?.get('Nats-Service-Error'), message.headers?.get('Nats-Service-Error-Code')]).toEqual([
      'forbidden',
      '403',
    ]);
  });

  it('shares its endpoints among replicas, each of which is found', async () => {
    await serve();
    await serve(asker);
    const found: string[] = [];
    const inbox = asker.subscribe('_INBOX.found.*', { callback: (_error, message) => void found.push(message.json<Shown>().id) });
    asker.publish('$SRV.PING.auth', '', { reply: '_INBOX.found.one' });
    await asker.flush();
    await nc.flush();
    await asker.flush();
    inbox.unsubscribe();
    expect(new Set(found).size).toBe(2);

    let answers = 0;
    const replies = asker.subscribe('_INBOX.once.*', { callback: () => void answers++ });
    for (let index = 0; index < 20; index++) asker.publish('auth.v1.greet', '{}', { reply: `_INBOX.once.${index}` });
    await ask('auth.v1.greet');
    await nc.flush();
    await ask('auth.v1.greet');
    replies.unsubscribe();
    expect(answers).toBe(20);
  });

  it.each(['$SRV.PING', '$SRV.INFO.auth', '$SRV.STATS'])(
    '%s is not answered to a subject of the server’s own',
    async (subject) => {
      await serve();
      let heard = 0;
      const subscription = asker.subscribe('$JS.API.>', { callback: () => void heard++ });
      asker.publish(subject, '', { reply: '$JS.API.STREAM.PURGE.AUDIT' });
      await ask('$SRV.PING');
      await nc.flush();
      await asker.flush();
      subscription.unsubscribe();
      expect(heard).toBe(0);
    },
  );

  it('is found no more once it has stopped', async () => {
    await serve();
    await running.pop()?.close();
    await nc.flush();
    await expect(asker.request('$SRV.PING.auth', '', { timeout: 2000 })).rejects.toThrow();
  });
});
