import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { createCredentials, type Credentials } from '@keyward/credentials';
import { createEgress, type EgressOptions } from '@keyward/egress';
import { freePort } from '@keyward/embedded';
import { waitFor } from '@keyward/testing';
import { MemoryDataKeyStore, MemoryKms } from '@keyward/vault/testing';
import { endpointSecretContext, newEndpointSecret } from '../../apps/auth-service/src/notifications/endpoint-secret.js';
import { SendMessage, type Attempt } from '../../apps/auth-service/src/notifications/send-message.js';
import { answering, verify, WebhookReceiver, type Received } from './webhook-receiver.js';

const org = newId('org');
const endpoint = newId('whe');
const secret = newEndpointSecret();
const message = { id: newId('msg'), sentAt: new Date(), body: '{"type":"webhook.test","data":{"name":"ü€🔑"}}' };

let receiver: WebhookReceiver;
let store: MemoryDataKeyStore;
let credentials: Credentials;
let sealedSecret: Buffer;
const sealed = (text: string) => credentials.sealSecret(endpointSecretContext(org, endpoint, 1), text);
beforeAll(async () => {
  receiver = await WebhookReceiver.start();
  store = new MemoryDataKeyStore();
  store.addOrganization(org);
  credentials = createCredentials({ kms: new MemoryKms(), dataKeys: store });
  sealedSecret = await sealed(secret);
});
afterAll(() => receiver.stop());

interface Sent {
  url: string;
  egress?: Partial<EgressOptions>;
  timeoutMs?: number;
  /** Those that the deployment names now. */
  privateOrigins?: string[];
  /** Another secret. */
  sealed?: Buffer;
}

async function send(sending: Sent): Promise<Attempt> {
  const { url, egress = {}, timeoutMs = 5_000, privateOrigins = [receiver.origin], sealed: other = sealedSecret } = sending;
  const way = createEgress({ privateOrigins, ...egress });
  const target = { org, endpoint, url, secretGeneration: 1, sealedSecret: other, previousSealedSecret: null };
  try {
    return await new SendMessage({ egress: way, credentials, privateOrigins, timeoutMs }).send(target, message);
  } finally {
    await way.close();
  }
}

describe('a message', () => {
  it('arrives byte for byte, and genuine', async () => {
    const attempt = await send({ url: `${receiver.origin}/ok?token=1` });
    expect(attempt).toMatchObject({ status: 204, error: null });
    const [received] = receiver.at('/ok?token=1') as [Received];
    expect(received.body).toBe(message.body);
    expect(verify(secret, received)).toMatchObject({ data: { name: 'ü€🔑' } });
  });

  it('is not waited for longer than the timeout, whether the receiver says nothing or a byte at a time', async () => {
    receiver.hold('/silent');
    receiver.answer('/drip', (response) => {
      response.writeHead(200);
      const dripping = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(dripping));
    });
    for (const path of ['/silent', '/drip']) {
      const { status, error, durationMs } = await send({ url: receiver.origin + path, timeoutMs: 300 });
      expect([path, status, error, durationMs < 3_000]).toEqual([path, null, 'deadline_exceeded', true]);
    }
  });

  it('is not waited for either where a connection is taken and nothing is read', async () => {
    const deaf = createServer(() => undefined);
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    const attempt = await send({ url: `${origin}/`, privateOrigins: [origin], timeoutMs: 300 });
    expect(attempt).toMatchObject({ status: null, error: 'deadline_exceeded' });
    deaf.close();
  });

  it.each([true, false])(
    'is answered by so and so much at most: ten megabytes are not read, announced (%s) or not',
    async (announced) => {
      const bytes = Buffer.alloc(10 * 1024 * 1024, 'x');
      receiver.answer('/flood', (response) => {
        response.writeHead(200, announced ? { 'content-length': bytes.length } : {}).write(bytes);
        response.end();
      });
      expect(await send({ url: `${receiver.origin}/flood` })).toMatchObject({ status: null, error: 'response_too_large' });
    },
  );

  it.each([301, 302, 303, 307, 308])('follows no redirect: %i is an answer like any other that is not 2xx', async (status) => {
    receiver.answer('/redirecting', answering(status, { location: `${receiver.origin}/target` }));
    expect(await send({ url: `${receiver.origin}/redirecting` })).toMatchObject({ status, error: null });
    expect(receiver.at('/target')).toEqual([]);
  });

  it.each(['127.0.0.1', '10.1.2.3', '169.254.169.254', '::1', 'fd00:ec2::254', '::ffff:127.0.0.1'])(
    'goes nowhere where the name leads to %s',
    async (address) => {
      const resolve = async () => [{ address, family: address.includes(':') ? 6 : 4 }];
      const attempt = await send({ url: 'https://receiver.example/hook', egress: { resolve } });
      expect(attempt).toMatchObject({ status: null, error: 'egress_denied' });
    },
  );

  it('goes nowhere where the name is another address the second time it is asked for (DNS rebinding)', async () => {
    let lookups = 0;
    const resolve = async () => [{ address: lookups++ === 0 ? '203.0.114.1' : '127.0.0.1', family: 4 }];
    const url = 'https://receiver.example/hook';
    const egress = { resolve };
    const first = await send({ url, egress, timeoutMs: 300 });
    const second = await send({ url, egress, timeoutMs: 300 });
    expect([first.status, second.error]).toEqual([null, 'egress_denied']);
  });

  it('goes no more to an origin that the deployment names no longer', async () => {
    const before = receiver.received.length;
    const attempt = await send({ url: `${receiver.origin}/ok`, privateOrigins: [] });
    expect(attempt).toMatchObject({ status: null, error: 'egress_denied' });
    expect(receiver.received).toHaveLength(before);
  });

  it.each([
    ['120', 120_000],
    ['0', 0],
    ['99999999', 86_400_000],
    ['soon', undefined],
    ['-5', undefined],
    ['', undefined],
  ])('is told to come again after %j', async (value, retryAfterMs) => {
    receiver.answer('/later', answering(429, value === '' ? {} : { 'retry-after': value }));
    expect((await send({ url: `${receiver.origin}/later` })).retryAfterMs).toBe(retryAfterMs);
  });

  it('is told the date to come again at by the receiver’s own clock, however wrong it is', async () => {
    const date = new Date(Date.now() - 3 * 86_400_000);
    const headers = { date: date.toUTCString(), 'retry-after': new Date(date.getTime() + 60_000).toUTCString() };
    receiver.answer('/clock', answering(503, headers));
    expect((await send({ url: `${receiver.origin}/clock` })).retryAfterMs).toBe(60_000);
  });
});

describe('the receivers that docs/webhooks.md offers', () => {
  const examples = [...readFileSync('docs/webhooks.md', 'utf8').matchAll(/```js\n(.*?)```/gs)].map(([, code = '']) => code);

  it.each(examples.map((code) => [code.split('\n').find((line) => line.startsWith('const')) ?? '', code]))(
    'take what is genuine and nothing else: %s',
    async (_line, code) => {
      const port = await freePort();
      const program = spawn(process.execPath, ['--input-type=module', '-e', code.replace('8080', `${port}, '127.0.0.1'`)], {
        env: { KEYWARD_WEBHOOK_SECRET: secret },
        stdio: 'ignore',
      });
      const origin = `http://127.0.0.1:${port}`;
      try {
        const genuine = () => send({ url: origin, privateOrigins: [origin] });
        await waitFor(async () => (await genuine()).status !== null);
        expect((await genuine()).status).toBe(204);
        const { status, error } = await send({
          url: origin,
          privateOrigins: [origin],
          sealed: await sealed(newEndpointSecret()),
        });
        expect([status, error]).toEqual([401, null]);
      } finally {
        program.kill();
      }
    },
  );

  it('are two', () => expect(examples).toHaveLength(2));
});
