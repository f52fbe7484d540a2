import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HostileServer } from '@keyward/testing/hostile-server';
import { createEgress, type Egress, type EgressRequest } from './index.js';

let server: HostileServer;
let origin: string;
let egress: Egress;
let resolved: PromiseWithResolvers<void>;

beforeEach(async () => {
  server = await HostileServer.start((_request, response) => response.end('ok'));
  origin = `http://slow.example:${server.port}`;
  resolved = Promise.withResolvers();
  const resolve = async () => (await resolved.promise, [{ address: '127.0.0.1', family: 4 }]);
  egress = createEgress({ privateOrigins: [origin], resolve });
});
afterEach(async () => {
  await egress.close();
  await server.stop();
});

function request(more: Partial<EgressRequest>): EgressRequest {
  const url = `${origin}/`;
  return { provider: 'acme', origins: [origin], method: 'POST', url, headers: {}, timeoutMs: 5_000, maxBytes: 1_000, ...more };
}

describe('a request that may not leave any more', () => {
  it('is not written when its connection was long in coming, and says so; one that may goes out', async () => {
    let holds = true;
    const sent = egress.send(request({ mayLeave: () => holds }));
    holds = false;
    resolved.resolve();
    await expect(sent).rejects.toMatchObject({ code: 'provider_unavailable', requestMayHaveBeenProcessed: false });
    expect(server.requests).toEqual([]);
    holds = true;
    expect((await egress.send(request({ mayLeave: () => holds }))).status).toBe(200);
    expect(server.requests).toHaveLength(1);
  });

  it('is asked once, also on a connection that is there already, and for every hop; what came before may have been carried out', async () => {
    resolved.resolve();
    const asked: number[] = [];
    const mayLeave = () => asked.push(server.requests.length) < 3;
    await egress.send(request({ mayLeave }));
    server.answer = (incoming, response) =>
      incoming.url === '/' ? response.writeHead(303, { location: '/done' }).end() : response.end('ok');
    await expect(egress.send(request({ mayLeave }))).rejects.toMatchObject({ requestMayHaveBeenProcessed: true });
    expect(asked).toEqual([0, 1, 2]);
    expect(server.requests.map(({ url }) => url)).toEqual(['/', '/']);
  });

  it('where only the hop after a redirect finds no way, the call before it still counts as carried out', async () => {
    resolved.resolve();
    server.answer = (_incoming, response) => {
      response.writeHead(303, { location: '/done', connection: 'close' }).end();
      void server.stop();
    };
    await expect(egress.send(request({}))).rejects.toMatchObject({
      code: 'provider_unavailable',
      requestMayHaveBeenProcessed: true,
    });
  });
});
