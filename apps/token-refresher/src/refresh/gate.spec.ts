import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { createEgress, type Egress } from '@keyward/egress';
import { HostileServer } from '@keyward/testing/hostile-server';
import { OAuthError } from '@keyward/oauth';
import { LeaseTooShort } from '../lanes/refusals.js';
import { mayBeSpent } from './decide.js';
import { Gate } from './gate.js';

let server: HostileServer;
let egress: Egress;

beforeEach(async () => {
  server = await HostileServer.start((_request, response) => response.end('ok'));
  egress = createEgress({ privateOrigins: [server.origin] });
});
afterEach(async () => {
  await egress.close();
  await server.stop();
});

function gateWith(beforeSend: () => Promise<number>): { gate: Gate; send: (signal?: AbortSignal) => Promise<unknown> } {
  const gate = new Gate(egress, { provider: 'acme', origins: [server.origin], timeoutMs: 5_000, beforeSend });
  const send = (signal?: AbortSignal) =>
    gate.wire
      .fetch(`${server.origin}/token`, {
        method: 'POST',
        headers: {},
        redirect: 'manual',
        ...(signal === undefined ? {} : { signal }),
      })
      .catch((thrown: unknown) => gate.reasonOf(thrown));
  return { gate, send };
}

describe('the gate of a renewal', () => {
  it('asks once, right before the first request, and lets the others through', async () => {
    const asked: number[] = [];
    const { gate, send } = gateWith(async () => (asked.push(server.requests.length), performance.now() + 50));
    expect(gate.sentAt).toBeUndefined();
    await send();
    await send();
    expect([asked, server.requests.length]).toEqual([[0], 2]);
    expect(gate.sentAt).toBeLessThanOrEqual(performance.now());
  });

  it('sends nothing where it may not, and says why', async () => {
    const { gate, send } = gateWith(() => Promise.reject(new LeaseTooShort()));
    expect(await send()).toBeInstanceOf(LeaseTooShort);
    expect([gate.sentAt, server.requests]).toEqual([undefined, []]);
  });

  it('sends nothing that was allowed but comes too late to leave, and never takes that for a failure of the provider', async () => {
    const { send } = gateWith(async () => performance.now() - 1);
    const thrown = await send();
    expect(thrown).toMatchObject({ code: 'dependency_unavailable' });
    expect(mayBeSpent(thrown)).toBe(false);
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['an error that nobody foresaw', new TypeError('secret detail'), true],
    ['what the provider said', new OAuthError('rejected', 'It refused.', { maybeRedeemed: false }), false],
  ])('after the first byte has left, %s says of the token: may be spent', async (_what, thrown, spent) => {
    const { gate, send } = gateWith(async () => performance.now() + 5_000);
    expect(mayBeSpent(gate.reasonOf(thrown))).toBe(false);
    await send();
    expect(mayBeSpent(gate.reasonOf(thrown))).toBe(spent);
    expect(String(gate.reasonOf(thrown))).not.toContain('secret');
  });

  it('asks for nothing once the time for the request is over, and holds that against no token', async () => {
    let asked = 0;
    const { gate, send } = gateWith(() => (asked++, Promise.reject(new LeaseTooShort())));
    const thrown = await send(AbortSignal.abort());
    expect([asked, server.requests]).toEqual([0, []]);
    const classified = new OAuthError('transient', 'It is not answering.', { maybeRedeemed: true, cause: thrown });
    expect(gate.reasonOf(classified)).toMatchObject({ code: 'dependency_unavailable' });
    expect(mayBeSpent(gate.reasonOf(classified))).toBe(false);
  });

  it('waits for leave no longer than the request may take, and never takes that for a failure of the provider', async () => {
    const late = Promise.withResolvers<number>();
    const { send } = gateWith(() => late.promise);
    const sent = await send(AbortSignal.timeout(20));
    expect(sent).toBeInstanceOf(KeywardError);
    expect(sent).toMatchObject({ code: 'dependency_unavailable' });
    late.resolve(performance.now() + 5_000);
    await late.promise;
    expect(server.requests).toEqual([]);
  });
});
