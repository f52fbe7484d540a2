import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { grantProvider, StrictServer } from '../../test/strict-server.js';
import type { Wire } from '../wire.js';
import { pollDeviceToken, startDeviceAuthorization } from './device.js';

const NOW = new Date('2030-01-01T00:00:00.000Z');
const wire: Wire = { fetch: (url, init) => fetch(url, init), now: () => NOW };
const client = { clientId: 'client1', clientSecret: 'secret1' };
const STARTED = {
  device_code: 'device-code-1',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://as.example.com/device',
  verification_uri_complete: 'https://as.example.com/device?user_code=WDJB-MJHT',
  expires_in: 900,
  interval: 7,
};

let server: StrictServer;
beforeAll(async () => {
  server = await StrictServer.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.refusals.length = 0;
});

const provider = () =>
  grantProvider(server.url, {
    kind: 'oauth2_device_authorization',
    device_authorization_endpoint: `${server.url}/device/auth`,
    token_endpoint: `${server.url}/token`,
  });
const start = () => startDeviceAuthorization({ provider: provider(), client, scopes: ['notes:read'] }, wire);
const poll = () => pollDeviceToken({ provider: provider(), client, deviceCode: 'device-code-1' }, wire);

describe('starting (RFC 8628 section 3.1 and 3.2)', () => {
  it('asks for the scopes, authenticated, and reads what the person is to be shown', async () => {
    server.answer = ({ path, headers, form }) => {
      expect([path, headers.authorization?.startsWith('Basic ')]).toEqual(['/device/auth', true]);
      expect(Object.fromEntries(form)).toEqual({ client_id: 'client1', scope: 'notes:read' });
      return [200, STARTED];
    };
    const started = await start();
    expect(server.refusals).toEqual([]);
    expect(started).toEqual({
      deviceCode: 'device-code-1',
      userCode: 'WDJB-MJHT',
      verificationUri: 'https://as.example.com/device',
      verificationUriComplete: 'https://as.example.com/device?user_code=WDJB-MJHT',
      expiresAt: new Date('2030-01-01T00:15:00.000Z'),
      intervalSeconds: 7,
    });
  });

  it.each([
    [{ interval: undefined }, { intervalSeconds: 5 }],
    [{ interval: 0 }, { intervalSeconds: 5 }],
    [{ interval: -3 }, { intervalSeconds: 5 }],
    [{ interval: '10' }, { intervalSeconds: 10 }],
    [{ interval: 1e9 }, { intervalSeconds: 60 }],
    [{ expires_in: '600' }, { expiresAt: new Date('2030-01-01T00:10:00.000Z') }],
    [{ expires_in: 1e12 }, { expiresAt: new Date('2030-01-01T00:30:00.000Z') }],
    [{ verification_uri: undefined, verification_url: 'https://g.co/device' }, { verificationUri: 'https://g.co/device' }],
  ])('takes %j as %j', async (odd, expected) => {
    server.answer = () => [200, { ...STARTED, ...odd }];
    expect(await start()).toMatchObject(expected);
  });

  it.each([
    { verification_uri: 'javascript:alert(1)' },
    { verification_uri: 'http://as.example.com/device' },
    { verification_uri: 'https://honest.example@evil.example/' },
    { verification_uri_complete: 'data:text/html,x' },
    { user_code: '<b>WDJB</b>\u0000' },
    { user_code: 7 },
    { device_code: '' },
    { expires_in: undefined },
    { expires_in: -1 },
  ])('refuses %j: no person is shown or sent there', async (odd) => {
    server.answer = () => [200, { ...STARTED, ...odd }];
    await expect(start()).rejects.toMatchObject({ failure: 'malformed' });
  });
});

describe('polling (RFC 8628 section 3.4 and 3.5)', () => {
  it.each([
    [400, 'authorization_pending', 'pending'],
    [400, 'slow_down', 'slow_down'],
    [429, 'slow_down', 'slow_down'],
    [400, 'access_denied', 'declined'],
    [403, 'access_denied', 'declined'],
    [400, 'expired_token', 'expired'],
    [200, 'authorization_pending', 'pending'],
  ])('%i %s is %s', async (status, error, kind) => {
    server.answer = () => [status, { error }];
    expect(await poll()).toEqual({ kind });
  });

  it('gives the tokens once the person has agreed', async () => {
    server.answer = ({ form }) => {
      const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
      expect(Object.fromEntries(form)).toEqual({ grant_type: grantType, device_code: 'device-code-1' });
      return [200, { access_token: 'at', token_type: 'bearer', refresh_token: 'rt', expires_in: 60 }];
    };
    const tokens = { accessToken: 'at', refreshToken: 'rt', lifetimeMs: 60_000, scopes: null };
    expect(await poll()).toEqual({ kind: 'granted', tokens: { ...tokens, captured: {} } });
  });

  it.each([
    [503, {}, 'transient'],
    [500, { error: 'access_denied' }, 'transient'],
    [400, { error: 'invalid_grant' }, 'invalid_grant'],
    [401, { error: 'invalid_client' }, 'invalid_client'],
    [400, { error: '<script>' }, 'rejected'],
  ])('%i %j is no answer of the person', async (status, body, failure) => {
    server.answer = () => [status, body];
    await expect(poll()).rejects.toMatchObject({ failure });
  });
});
