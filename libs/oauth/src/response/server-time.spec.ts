import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testProvider } from '../../test/provider.js';
import { json, startTokenServer, type TokenServer } from '../../test/token-server.js';
import { renewToken } from '../renew.js';
import type { Wire } from '../wire.js';

const OURS = '2030-01-01T00:00:00.000Z';
const wire: Wire = { fetch: (url, init) => fetch(url, init), now: () => new Date(OURS) };

let server: TokenServer;
beforeAll(async () => {
  server = await startTokenServer();
});
afterAll(() => server.stop());

/** @param date as the server says it; undefined: it says none */
function answer(date: string | undefined, status: number, body: unknown, headers: Record<string, string> = {}): void {
  server.answer = (response) => {
    response.sendDate = false;
    json(response, status, body, { ...headers, ...(date === undefined ? {} : { date }) });
  };
}

const renew = () => {
  const token_response = {
    expires: { at: '/expires_at', format: 'date_time' },
    refresh_expires: { at: '/refresh_until', format: 'epoch_seconds' },
  };
  const provider = testProvider({ url: server.url, auth: { token_response } });
  return renewToken({ provider, client: { clientId: 'c', clientSecret: 's' }, scopes: [], refreshToken: 'rt' }, wire);
};

describe('a moment that a server states', () => {
  const stated = {
    access_token: 'at',
    expires_at: '2030-01-01T01:00:00Z',
    refresh_until: Date.parse('2030-01-02T00:00:00Z') / 1000,
  };

  it.each<[string, string | undefined, number, number]>([
    ['five minutes ahead of ours', 'Tue, 01 Jan 2030 00:05:00 GMT', 3_299, 86_099],
    ['five minutes behind ours', 'Mon, 31 Dec 2029 23:55:00 GMT', 3_899, 86_699],
    ['that it does not tell', undefined, 3_600, 86_400],
    ['two hours behind ours, as of a time zone that was mistaken', 'Mon, 31 Dec 2029 22:00:00 GMT', 10_799, 93_599],
    ['of another age', 'Thu, 01 Jan 1970 00:00:00 GMT', 3_600, 86_400],
    ['of an age to come', 'Thu, 01 Jan 2099 00:00:00 GMT', 3_600, 86_400],
    ['that can not be read', 'five past twelve', 3_600, 86_400],
  ])('is as far away as its own clock says, one %s', async (_clock, date, seconds, refreshSeconds) => {
    answer(date, 200, stated);
    expect(await renew()).toMatchObject({ lifetimeMs: seconds * 1000, refreshLifetimeMs: refreshSeconds * 1000 });
  });

  it('to try again at is so too', async () => {
    answer('Tue, 01 Jan 2030 00:05:00 GMT', 503, {}, { 'retry-after': 'Tue, 01 Jan 2030 00:05:30 GMT' });
    await expect(renew()).rejects.toMatchObject({ failure: 'transient', retryAfterMs: 30_000 });
  });
});
