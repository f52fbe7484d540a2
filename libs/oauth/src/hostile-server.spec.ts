import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { hasAuth, providerManifestSchema } from '@keyward/connectors';
import {
  startHostileAuthorizationServer,
  type AuthorizeAttack,
  type HostileAuthorizationServer,
  type TokenAttack,
} from '@keyward/testing/hostile-as';
import { authorizationUrl } from './authorize.js';
import { readCallback } from './callback.js';
import { exchangeCode } from './exchange.js';
import { createPkcePair } from './pkce.js';
import type { Wire } from './wire.js';

const client = { clientId: 'our-client', clientSecret: 'canary-secret' };
const STATE = 'state-of-the-victim';
const redirectUri = 'https://auth.keyward.example/oauth/callback/ctx-1';
const wire: Wire = { fetch: (url, init) => fetch(url, init) };

let hostile: HostileAuthorizationServer;
let honest: HostileAuthorizationServer;
beforeAll(async () => {
  hostile = await startHostileAuthorizationServer();
  honest = await startHostileAuthorizationServer();
});
afterAll(() => Promise.all([hostile.stop(), honest.stop()]));
beforeEach(() => {
  hostile.behaviour = {};
});

function provider(server: HostileAuthorizationServer) {
  const { origin } = server;
  const auth = {
    kind: 'oauth2_authorization_code',
    issuer: origin,
    authorization_response_iss_parameter_supported: true,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
  };
  const manifest = providerManifestSchema.parse({ name: 'x', title: 'X', auth, base_url: origin, origins: [origin] });
  if (!hasAuth(manifest, 'oauth2_authorization_code')) throw new Error('not a code flow');
  return manifest;
}

/** Where the browser is in the end. */
async function browse(url: URL): Promise<URL> {
  const response = await fetch(url, { redirect: 'manual' });
  const target = new URL(response.headers.get('location') ?? '');
  return target.origin === hostile.origin || target.origin === honest.origin ? browse(target) : target;
}

async function flow(server = hostile) {
  const at = provider(server);
  const { verifier, challenge } = await createPkcePair(at);
  const asked = authorizationUrl({ provider: at, client, redirectUri, scopes: [], state: STATE, codeChallenge: challenge });
  const back = await browse(asked);
  const callback = readCallback(at, client, back.searchParams, STATE);
  if (callback.kind !== 'code') return callback;
  return exchangeCode({ provider: at, client, parameters: callback.parameters, redirectUri, codeVerifier: verifier }, wire);
}

const codesAt = (server: HostileAuthorizationServer) => server.codesReceived().length;

describe('a hostile server that does nothing', () => {
  it('is one that the flow works with: what fails below fails because of the attack', async () => {
    expect(await flow()).toMatchObject({ accessToken: expect.stringMatching(/^at-/), scopes: ['notes:read'] });
  });
});

describe('the authorization answer', () => {
  it('mix-up: the honest server’s code is not brought to the hostile token endpoint', async () => {
    const before = [codesAt(hostile), hostile.tokenRequests().length];
    hostile.behaviour = {
      authorize: { kind: 'mix_up', authorizationEndpoint: `${honest.origin}/authorize`, clientId: client.clientId },
    };
    await expect(flow()).rejects.toMatchObject({ code: 'invalid_request' });
    expect([codesAt(hostile), hostile.tokenRequests().length]).toEqual(before);
  });

  it.each<AuthorizeAttack>([
    { kind: 'wrong_issuer', issuer: 'https://honest.example.com' },
    { kind: 'no_issuer' },
    { kind: 'repeated', parameter: 'code' },
    { kind: 'repeated', parameter: 'state' },
    { kind: 'repeated', parameter: 'iss' },
    { kind: 'code_and_error' },
  ])('issuer confusion and doubled parameters: %j ends it, and no code is sent', async (authorize) => {
    const before = codesAt(hostile);
    hostile.behaviour = { authorize };
    await expect(flow()).rejects.toMatchObject({ code: 'invalid_request' });
    expect(codesAt(hostile)).toBe(before);
  });

  it('code injection: a code of somebody else’s session is worth nothing with our verifier', async () => {
    const theirs = await browse(
      authorizationUrl({
        provider: provider(hostile),
        client,
        redirectUri,
        scopes: [],
        state: 'attacker',
        codeChallenge: (await createPkcePair(provider(hostile))).challenge,
      }),
    );
    hostile.behaviour = { authorize: { kind: 'code_injection', code: theirs.searchParams.get('code') ?? '' } };
    await expect(flow()).rejects.toMatchObject({ failure: 'invalid_grant' });
  });

  it('an error with markup and control characters is known as none of the errors, and quoted nowhere', async () => {
    hostile.behaviour = { authorize: { kind: 'html_error' } };
    expect(await flow()).toEqual({ kind: 'error', error: 'other' });
  });
});

describe('the token answer', () => {
  it.each<[TokenAttack, string]>([
    ['redirect', 'malformed'],
    ['html', 'malformed'],
    ['huge', 'malformed'],
    ['reflect', 'rejected'],
    ['control_characters', 'rejected'],
  ])('%s is %s: nothing is followed, nothing quoted', async (token, failure) => {
    const before = codesAt(honest);
    hostile.behaviour = { token, redirectTo: `${honest.origin}/token` };
    const thrown: unknown = await flow().catch((error: unknown) => error);
    expect(thrown).toMatchObject({ failure });
    expect(inspect(thrown, { depth: 10, showHidden: true })).not.toMatch(/canary|<img|<html|javascript:|code_verifier/);
    expect(codesAt(honest)).toBe(before);
  });

  it('scopes are those that were granted, more than was asked or not', async () => {
    hostile.behaviour = { token: 'broader_scopes' };
    expect(await flow()).toMatchObject({ scopes: ['notes:read', 'notes:write', 'admin'] });
  });
});
