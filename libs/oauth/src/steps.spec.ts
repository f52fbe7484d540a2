import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { testProvider } from '../test/provider.js';
import { json, startTokenServer, type TokenServer } from '../test/token-server.js';
import { exchangeCode } from './exchange.js';
import type { Wire } from './wire.js';

let server: TokenServer;
let elsewhere: TokenServer;
beforeAll(async () => {
  [server, elsewhere] = await Promise.all([startTokenServer(), startTokenServer()]);
});
afterAll(() => Promise.all([server.stop(), elsewhere.stop()]));
beforeEach(() => {
  for (const one of [server, elsewhere]) one.received.length = 0;
  server.answer = (response) => json(response, 200, { access_token: 'at-1', refresh_token: 'rt', host: elsewhere.url });
  elsewhere.answer = (response) => json(response, 200, { access_token: 'at-2', token_type: 'bearer' });
});

/** As the egress gate does it: what is not one of the origins is denied. */
const gate =
  (origins: readonly string[]): Wire['fetch'] =>
  (url, init) =>
    origins.includes(new URL(url).origin)
      ? fetch(url, init)
      : Promise.reject(new KeywardError('egress_denied', 'not one of its origins'));

const exchange = (wire: Wire, endpoint = '${connection.host}/token', keep_refresh_token = true) => {
  const step = { endpoint, authentication: 'bearer', keep_refresh_token };
  const provider = testProvider({
    url: server.url,
    auth: { steps: [step] },
    connection_parameters: { host: { title: 'Host', type: 'origin', source: { token_response: '/host' } } },
  });
  const request = { provider, client: { clientId: 'c', clientSecret: 's' }, redirectUri: 'https://a.example/cb' };
  return exchangeCode({ ...request, parameters: { code: 'c-1' }, codeVerifier: 'v'.repeat(43) }, wire);
};

describe('a step at a host that the first answer names', () => {
  it('is taken there, and only the step reaches it', async () => {
    const reached: (readonly string[])[] = [];
    const fetchFor = (origins: readonly string[]) => {
      reached.push(origins);
      return gate(origins);
    };
    const tokens = await exchange({ fetch: gate([server.url]), fetchFor });
    expect(tokens).toMatchObject({ accessToken: 'at-2', refreshToken: 'rt', captured: { host: elsewhere.url } });
    expect(reached).toEqual([[elsewhere.url]]);
    expect(elsewhere.received[0]?.authorization).toBe('Bearer at-1');
  });

  it('is denied by a gate that knows only what the manifest names', async () => {
    await expect(exchange({ fetch: gate([server.url]) })).rejects.toMatchObject({ failure: 'malformed', maybeRedeemed: true });
    expect(elsewhere.received).toHaveLength(0);
  });

  it('leaves a step at a declared host to the gate', async () => {
    const wire = { fetch: gate([server.url]), fetchFor: gate };
    await expect(exchange(wire, `${elsewhere.url}/token`)).rejects.toMatchObject({ failure: 'malformed' });
    expect(elsewhere.received).toHaveLength(0);
  });
});

describe('one deadline', () => {
  it('covers the steps too: what takes longer may have redeemed the code', async () => {
    elsewhere.answer = () => undefined;
    const wire: Wire = { fetch: (url, init) => fetch(url, init), timeoutMs: 200 };
    await expect(exchange(wire)).rejects.toMatchObject({ failure: 'transient', maybeRedeemed: true });
  });

  it('is also the caller’s: who gives up after the first answer has no step sent', async () => {
    const caller = new AbortController();
    const wire: Wire = {
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        caller.abort();
        return response;
      },
      signal: caller.signal,
    };
    await expect(exchange(wire)).rejects.toMatchObject({ maybeRedeemed: true });
    expect(elsewhere.received).toHaveLength(0);
  });
});

describe('the refresh token of the request before', () => {
  const wire: Wire = { fetch: (url, init) => fetch(url, init) };

  it('stays where the step has none', async () => {
    expect((await exchange(wire)).refreshToken).toBe('rt');
  });

  it('is followed by that of the step', async () => {
    elsewhere.answer = (response) => json(response, 200, { access_token: 'at-2', refresh_token: 'rt-2' });
    expect((await exchange(wire)).refreshToken).toBe('rt-2');
  });

  it('goes where the manifest says that it is of no more use', async () => {
    expect(await exchange(wire, '${connection.host}/token', false)).not.toHaveProperty('refreshToken');
  });
});
