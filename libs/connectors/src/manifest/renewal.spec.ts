import { describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from './provider-manifest.js';

const AS = 'https://as.example.com';
const CODE = { kind: 'oauth2_authorization_code', authorization_endpoint: `${AS}/auth`, token_endpoint: `${AS}/token` };
const MACHINE = { kind: 'oauth2_client_credentials', token_endpoint: `${AS}/token` };
const EXCHANGE = { exchange: { endpoint: `${AS}/extend` } };

function problems(auth: Record<string, unknown>, refresh: Record<string, unknown>): string[] {
  const manifest = { name: 'x', title: 'X', auth, refresh, base_url: `${AS}/api`, origins: [AS] };
  const { error } = providerManifestSchema.safeParse(manifest);
  return (error?.issues ?? []).map(({ path, message }) => `/${path.join('/')} ${message}`);
}

describe('what a manifest says of refreshing', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['all of it', CODE, { rotates: true, reuse_grace_seconds: 60, refresh_token_lifetime_days: 60, maximum_margin_seconds: 30 }],
    ['a probe with its endpoint', { ...CODE, introspection_endpoint: `${AS}/i` }, { recovery_probe: 'introspection' }],
    ['an expiry that is told', { ...CODE, token_response: { refresh_expires: {} } }, { response: { refresh_expires: {} } }],
    ['no grace, said', CODE, { reuse_grace_seconds: 0 }],
    ['a lifetime where a refresh token was asked for', MACHINE, { method: 'refresh_token', refresh_token_lifetime_days: 1 }],
    ['bounds for what is issued again', MACHINE, { minimum_margin_seconds: 60, concurrency: 1, requests_per_minute: 10 }],
  ])('is taken: %s', (_what, auth, refresh) => {
    expect(problems(auth, refresh)).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['bounds that exclude each other', CODE, { maximum_margin_seconds: 29 }, '/refresh/maximum_margin_seconds must not be less'],
    ['a grace of what is not spent', CODE, { reuse_grace_seconds: 60 }, '/refresh/reuse_grace_seconds needs rotates'],
    ['a probe of nobody', CODE, { recovery_probe: 'introspection' }, '/refresh/recovery_probe needs auth.introspection_endpoint'],
    [
      'a probe without anything to probe',
      { ...MACHINE, introspection_endpoint: `${AS}/i` },
      { recovery_probe: 'introspection' },
      '/refresh/recovery_probe is said of refresh tokens',
    ],
    [
      'a lifetime of no refresh token',
      MACHINE,
      { refresh_token_lifetime_days: 60 },
      '/refresh/refresh_token_lifetime_days is said',
    ],
    [
      'or of one that is not used',
      CODE,
      { ...EXCHANGE, refresh_token_lifetime_days: 60 },
      '/refresh/refresh_token_lifetime_days is said',
    ],
    [
      'an expiry of none',
      { ...MACHINE, token_response: { refresh_expires: {} } },
      {},
      '/auth/token_response/refresh_expires is said',
    ],
    ['nor after a refresh', MACHINE, { response: { refresh_expires: {} } }, '/refresh/response/refresh_expires is said'],
    [
      'nor in a step',
      { ...MACHINE, steps: [{ endpoint: `${AS}/2` }, { endpoint: `${AS}/3`, response: { refresh_expires: {} } }] },
      {},
      '/auth/steps/1/response/refresh_expires is said',
    ],
  ])('is refused: %s', (_what, auth, refresh, expected) => {
    expect(problems(auth, refresh)).toEqual([expect.stringContaining(expected)]);
  });
});
