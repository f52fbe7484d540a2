import { Resolver } from 'node:dns/promises';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { classifyAddress, createEgress, type Egress, type Resolve } from '@keyward/egress';
import { HostileServer } from '@keyward/testing/hostile-server';
import { DnsServer } from './dns-server.js';
import { failureOf, requestTo } from './requests.js';

const credential = { in: 'header', name: 'authorization', prefix: 'Bearer ', secret: 'kw-canary-0123456789' } as const;
const METADATA = '169.254.169.254';
const PUBLIC = '8.8.8.8';

let server: HostileServer;
let dns: DnsServer;
let resolve: Resolve;
let egress: Egress | undefined;
/** Where the name leads, and the server listens. */
let url: string;

beforeEach(async () => {
  server = await HostileServer.start((_request, response) => response.writeHead(200, { connection: 'close' }).end('inside'));
  dns = new DnsServer();
  await dns.start();
  url = `http://rebound.example:${server.port}/`;
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([dns.address]);
  resolve = async (hostname) => {
    const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = (result: PromiseSettledResult<string[]>, family: number) =>
      result.status === 'fulfilled' ? result.value.map((address) => ({ address, family })) : [];
    return [...found(four, 4), ...found(six, 6)];
  };
});
afterEach(async () => {
  await egress?.close();
  await Promise.all([server.stop(), dns.stop()]);
});

const send = (way: Egress) => way.send(requestTo(url, { credential }));
const strict = () => (egress = createEgress({ privateOrigins: [], resolve }));
/** For an origin that the deployment lets be private: what is never allowed is not allowed there either. */
const inside = () => (egress = createEgress({ privateOrigins: [new URL(url).origin], resolve }));

describe('a name server that changes its mind', () => {
  it('from public to private: who has looked before sees nothing wrong, and still nothing goes inside', async () => {
    dns.zone = (_name, nth) => [nth === 1 ? PUBLIC : '127.0.0.1'];
    const looked = await resolve('rebound.example');
    expect(looked.map(({ address }) => classifyAddress(address))).toEqual(['public']);
    const way = strict();
    for (let call = 0; call < 3; call++) {
      expect(await failureOf(send(way))).toMatchObject({ denial: 'private_address', requestMayHaveBeenProcessed: false });
    }
    expect(dns.asked.filter((question) => question === 'rebound.example 1')).toHaveLength(4);
    expect(server.connections).toBe(0);
  });

  it('to metadata, between two calls', async () => {
    dns.zone = (_name, nth) => [nth === 1 ? '127.0.0.1' : METADATA];
    const way = inside();
    expect((await send(way)).body.toString()).toBe('inside');
    expect(await failureOf(send(way))).toMatchObject({ denial: 'forbidden_address', requestMayHaveBeenProcessed: false });
    expect(server.requests).toHaveLength(1);
  });

  it('to metadata, between a call and its redirect', async () => {
    server.answer = (_request, response) => response.writeHead(307, { location: '/on', connection: 'close' }).end();
    dns.zone = (_name, nth) => [nth === 1 ? '127.0.0.1' : METADATA];
    expect(await failureOf(send(inside()))).toMatchObject({ denial: 'forbidden_address', requestMayHaveBeenProcessed: true });
    expect(server.requests).toHaveLength(1);
  });

  it('is not asked while a connection that was checked lasts', async () => {
    server.answer = (_request, response) => response.end('pinned');
    dns.zone = (_name, nth) => [nth === 1 ? '127.0.0.1' : METADATA];
    const way = inside();
    for (let call = 0; call < 3; call++) {
      expect((await send(way)).body.toString()).toBe('pinned');
      // It is free for the next call once the answer has been seen to its end.
      await setImmediate();
    }
    expect([server.connections, dns.asked.length]).toEqual([1, 2]);
  });
});

describe('a name server that leads inside', () => {
  const NEVER = [
    METADATA,
    '100.100.100.200',
    'fd00:ec2::254',
    '0.0.0.0',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '2002:7f00:1::',
    '2002:a9fe:a9fe::',
    'fe80::1',
  ];
  it.each([...NEVER, '127.0.0.1', '::1', '10.0.0.1', '192.168.0.1', '172.16.0.1', 'fd12::1'])(
    'to %s is not followed',
    async (address) => {
      dns.zone = () => [address];
      const error = await failureOf(send(strict()));
      expect(error).toMatchObject({ code: 'egress_denied', requestMayHaveBeenProcessed: false });
      expect(server.connections).toBe(0);
    },
  );

  it.each(NEVER)('to %s is not followed either where the deployment allows a private address', async (address) => {
    dns.zone = () => [address];
    expect(await failureOf(send(inside()))).toMatchObject({ denial: 'forbidden_address' });
    expect(server.connections).toBe(0);
  });

  it.each([
    ['behind a public one', [PUBLIC, '127.0.0.1']],
    ['before a public one', ['127.0.0.1', PUBLIC]],
    ['in the other family', [PUBLIC, '::1']],
    ['hidden in IPv6', [PUBLIC, '64:ff9b::7f00:1']],
  ])('with one address of several, %s, is not followed', async (_where, addresses) => {
    dns.zone = () => addresses;
    expect((await failureOf(send(strict()))).code).toBe('egress_denied');
    expect(server.connections).toBe(0);
  });

  it('nowhere is told as an outage: nothing was sent', async () => {
    expect(await failureOf(send(strict()))).toMatchObject({
      code: 'provider_unavailable',
      requestMayHaveBeenProcessed: false,
    });
  });
});
