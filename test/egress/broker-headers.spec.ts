import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createEgress, type Egress, type EgressRequest } from '@keyward/egress';
import { HostileServer } from '@keyward/testing/hostile-server';
import { failureOf, requestTo } from './requests.js';

const SECRET = 'kw-canary-0123456789';
const bearer = { in: 'header', name: 'authorization', prefix: 'Bearer ', secret: SECRET } as const;

let server: HostileServer;
let egress: Egress;
beforeAll(async () => {
  server = await HostileServer.start();
  egress = createEgress({ privateOrigins: [server.origin] });
});
beforeEach(() => void server.requests.splice(0));
afterAll(async () => {
  await egress.close();
  await server.stop();
});

const send = (more: Partial<EgressRequest>) => egress.send(requestTo(`${server.origin}/x`, { credential: bearer, ...more }));
/** Values of the fields of that name as they were sent, in order. */
const sent = (name: string) => {
  const { rawHeaders = [] } = server.requests[0] ?? {};
  return rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
};

describe('headers of a request', () => {
  it('hold one Authorization, ours, however often and however spelled another was given', async () => {
    await send({
      headers: { authorization: 'Basic a', Authorization: 'Bearer b', AUTHORIZATION: 'Digest c', aUTHORIZATION: '' },
    });
    expect(sent('authorization')).toEqual([`Bearer ${SECRET}`]);
  });

  it('hold one key, ours, wherever the connector puts it', async () => {
    const credential = { in: 'header', name: 'x-api-key', prefix: '', secret: SECRET } as const;
    await send({ credential, headers: { 'X-API-Key': 'forged', 'x-api-key': 'forged too' } });
    expect(sent('x-api-key')).toEqual([SECRET]);
  });

  it('can not take the credential out by naming it as one of the connection', async () => {
    await send({ headers: { connection: 'authorization, x-else', 'x-else': '1' } });
    expect([sent('authorization'), sent('x-else')]).toEqual([[`Bearer ${SECRET}`], []]);
  });

  it.each([
    ...['Connection', 'Keep-Alive', 'Proxy-Authorization', 'Proxy-Connection', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade'],
    ...['Host', 'Content-Length', 'Expect', 'Cookie', 'Forwarded', 'Via', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Real-IP'],
    ...['Keyward-Org', 'Keyward-Agent', 'traceparent', 'tracestate', 'baggage'],
  ])('are none of the connection or of ours: %s', async (name) => {
    await send({ headers: { [name]: 'forged' } });
    expect(sent(name.toLowerCase())).not.toContain('forged');
    expect(sent('authorization')).toEqual([`Bearer ${SECRET}`]);
  });

  it.each<[string, Partial<EgressRequest>]>([
    ['a value', { headers: { 'x-a': 'a\r\nauthorization: Bearer forged' } }],
    ['a value, by a line feed alone', { headers: { 'x-a': 'a\nx-b: 1' } }],
    ['a value, with NUL', { headers: { 'x-a': 'a\0b' } }],
    ['a name', { headers: { 'x-a: 1\r\nx-b': '1' } }],
    ['a method', { method: 'GET / HTTP/1.1\r\nx-b: 1\r\n\r\nGET' }],
    ['a credential', { credential: { ...bearer, secret: 'kw-canary\r\nx-b: 1' } }],
  ])('are not begun by a line break in %s: nothing is sent', async (_where, more) => {
    const error = await failureOf(send(more));
    expect(error.code).toBe('internal');
    expect(error.message).not.toContain('canary');
    expect(server.requests).toEqual([]);
  });

  it('are not begun by a line break in an address: it is part of the path', async () => {
    await egress.send(requestTo(`${server.origin}/x\r\nx-b: 1`, { credential: bearer }));
    expect(sent('x-b')).toEqual([]);
    expect(server.requests[0]?.url).toBe('/xx-b:%201');
  });
});
