import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from '@keyward/connectors';
import { LAB_CLIENT, startQuirkLab, type QuirkLab, type Quirks } from '@keyward/testing/quirk-lab';
import { labManifest, runFlow, wire, type Declared } from '../test/quirk-flow.js';
import { authorizationUrl } from './authorize.js';
import { readCallback } from './callback.js';
import { exchangeCode } from './exchange.js';
import { createPkcePair } from './pkce.js';

const labs: QuirkLab[] = [];
afterEach(async () => {
  await Promise.all(labs.splice(0).map((lab) => lab.stop()));
});

async function start(quirks: Quirks): Promise<QuirkLab> {
  const lab = await startQuirkLab(quirks);
  labs.push(lab);
  return lab;
}

const flow = (lab: QuirkLab, declared: Declared = {}, scopes: string[] = []) =>
  runFlow(lab, { row: '', quirks: {}, declared: () => declared, scopes });

describe('private_key_jwt audience = issuer', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  it('an assertion that one server was given is worth nothing at another', async () => {
    // Each takes an assertion only for itself, and knows its own address only once it listens.
    const [first, second]: [Quirks, Quirks] = [{}, {}];
    const [hostile, honest] = [await start(first), await start(second)];
    first.token = { authentication: { key: publicKey, algorithm: 'RS256', audience: hostile.url } };
    second.token = { authentication: { key: publicKey, algorithm: 'RS256', audience: honest.url } };
    const declared = { auth: { token_endpoint_auth_method: 'private_key_jwt' } };
    await runFlow(hostile, { row: '', quirks: {}, declared: () => declared, client: { privateKey: pem } });
    const given = new URLSearchParams(hostile.requests.at(-1)?.body).get('client_assertion') ?? '';

    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: 'x',
      client_id: LAB_CLIENT.clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: given,
    });
    const response = await fetch(`${honest.url}/token`, { method: 'POST', body });
    expect({ status: response.status, refusals: honest.refusals }).toEqual({
      status: 401,
      refusals: [`the claim aud must be ${honest.url}`],
    });
  });

  it('is not made for a server without an issuer', async () => {
    const lab = await start({});
    const declared = { auth: { token_endpoint_auth_method: 'private_key_jwt', issuer: undefined } };
    const attempt = runFlow(lab, { row: '', quirks: {}, declared: () => declared, client: { privateKey: pem } });
    await expect(attempt).rejects.toThrow(/names no issuer/);
    expect(lab.requests.map(({ path }) => path)).toEqual(['/authorize']);
  });

  it.each([
    ['no key', undefined],
    ['a key of another algorithm', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['a text that is no key', 'key-canary'],
  ])('is refused with %s, before anything is sent, without quoting it', async (_name, privateKeyText) => {
    const lab = await start({});
    const declared = { auth: { token_endpoint_auth_method: 'private_key_jwt' } };
    const client = privateKeyText === undefined ? {} : { privateKey: privateKeyText };
    const attempt = runFlow(lab, { row: '', quirks: {}, declared: () => declared, client });
    await expect(attempt).rejects.toMatchObject({ code: 'invalid_request', message: expect.not.stringContaining('canary') });
    expect(lab.requests.map(({ path }) => path)).toEqual(['/authorize']);
  });
});

describe('PKCE S256, verifier per transaction', () => {
  it('a code that was injected from another transaction buys nothing', async () => {
    const lab = await start({});
    const provider = labManifest(lab.url, {});
    const redirectUri = 'https://auth.keyward.example/oauth/callback/abc';
    const [mine, theirs] = [await createPkcePair(provider), await createPkcePair(provider)];
    const request = { provider, client: LAB_CLIENT, redirectUri, scopes: [], state: 's' };
    const back = await lab.visit(authorizationUrl({ ...request, codeChallenge: theirs.challenge }));
    const callback = readCallback(provider, LAB_CLIENT, back.searchParams, 's');
    if (callback.kind !== 'code') throw new Error('expected a code');
    const { parameters } = callback;
    const attempt = exchangeCode({ provider, client: LAB_CLIENT, parameters, redirectUri, codeVerifier: mine.verifier }, wire);
    await expect(attempt).rejects.toMatchObject({ failure: 'invalid_grant' });
  });

  it.each(['plain', 'none'])('a server that takes only %s is refused unless its manifest says why', (pkce) => {
    const manifest = labManifest('http://127.0.0.1:1', {});
    const parse = (auth: object) =>
      providerManifestSchema.safeParse({ ...manifest, auth: { ...manifest.auth, ...auth } }).success;
    expect([parse({ pkce }), parse({ pkce, pkce_reason: 'its documentation says so' })]).toEqual([false, true]);
  });

  it('nothing is sent without challenge or verifier', async () => {
    const provider = labManifest('http://127.0.0.1:1', {});
    const request = { provider, client: LAB_CLIENT, redirectUri: 'https://a.example/cb', scopes: [], state: 's' };
    expect(() => authorizationUrl(request)).toThrow(expect.objectContaining({ code: 'internal' }));
    const exchange = exchangeCode({ ...request, parameters: { code: 'c' } }, wire);
    await expect(exchange).rejects.toMatchObject({ code: 'internal' });
  });

  it.each([{ omit: ['state'] }, { rename: { state: 's' } }])('a manifest can not take the state away: %j', (shape) => {
    expect(() => labManifest('http://127.0.0.1:1', { auth: { authorization_request: shape } })).toThrow(/state/);
  });
});

describe('granted scopes are as granted, not as asked', () => {
  const answering = (scope: unknown) =>
    start({ token: { body: ({ accessToken }) => ({ access_token: accessToken, token_type: 'bearer', scope }) } });

  it.each([
    ['narrower', 'notes:read', ['notes:read']],
    ['broader', 'notes:read notes:write notes:admin', ['notes:read', 'notes:write', 'notes:admin']],
    ['nothing', '', []],
    ['unsaid', undefined, null],
  ])('%s', async (_name, scope, scopes) => {
    const { tokens } = await flow(await answering(scope), {}, ['notes:read', 'notes:write']);
    expect(tokens.scopes).toEqual(scopes);
  });
});

describe('scopes in a URL that is not encoded', () => {
  it('can not become another parameter, nor end the query', () => {
    const provider = labManifest('https://as.example', { auth: { scopes: { encoding: 'raw' } } });
    const scopes = ['a&redirect_uri=https://evil.example', 'b#c', 'd%26e', 'f+g', 'h=i'];
    const redirectUri = 'https://auth.example/cb';
    const url = authorizationUrl({ provider, client: LAB_CLIENT, redirectUri, scopes, state: 's', codeChallenge: 'x' });
    expect(url.searchParams.getAll('redirect_uri')).toEqual([redirectUri]);
    expect(url.hash).toBe('');
    expect(url.searchParams.get('scope')?.split(' ')).toEqual(scopes);
  });
});

describe('what a token response says of the connection', () => {
  const declared = {
    connection_parameters: {
      host: { title: 'API', type: 'hostname', host_suffixes: ['.odd.example'], source: { token_response: '/host' } },
    },
  };
  const answering = (host: unknown) => start({ token: { body: ({ accessToken }) => ({ access_token: accessToken, host }) } });

  it.each([
    'evil.example',
    'x.odd.example@evil.example',
    'odd.example.evil',
    '127.0.0.1',
    { a: 1 },
    ['a.odd.example'],
    'a.odd.example/..',
    undefined,
  ])('%j ends the flow: no credential is bound to it', async (host) => {
    await expect(flow(await answering(host), declared)).rejects.toMatchObject({ failure: 'malformed', maybeRedeemed: true });
  });

  it('is taken where it is as declared', async () => {
    expect((await flow(await answering('Eu.odd.example'), declared)).captured).toEqual({ host: 'eu.odd.example' });
  });
});

describe('failures', () => {
  const failing = (codes: Record<string, string>) => ({
    auth: { token_response: { failure: { when: { at: '/code', not: 0 }, code: '/code', codes } } },
  });
  const body = (code: unknown) => () => ({ code, message: 'token-canary' });

  it.each([
    [40105, { '40105': 'invalid_grant' }, 'invalid_grant'],
    [50000, { '50000': 'temporarily_unavailable' }, 'transient'],
    [1, { '40105': 'invalid_grant' }, 'rejected'],
    [undefined, {}, 'rejected'],
  ])('with status 200 and code %j are what the manifest says: %j', async (code, codes, failure) => {
    const lab = await start({ token: { body: body(code) } });
    await expect(flow(lab, failing(codes))).rejects.toMatchObject({ failure, message: expect.not.stringContaining('canary') });
  });

  it('of a later step say that what the first redeemed may be spent', async () => {
    const lab = await start({});
    const declared = { auth: { steps: [{ endpoint: `${lab.url}/nothing-here` }] } };
    await expect(flow(lab, declared)).rejects.toMatchObject({ maybeRedeemed: true });
    const unfillable = {
      auth: { steps: [{ endpoint: `${lab.url}/x`, request: { parameters: { t: '${token.refresh_token}' } } }] },
    };
    const none = await start({ token: { body: ({ accessToken }) => ({ access_token: accessToken }) } });
    await expect(flow(none, unfillable)).rejects.toMatchObject({ failure: 'malformed', maybeRedeemed: true });
  });

  it('of an introspection lose no token', async () => {
    const lab = await start({ token: { body: ({ accessToken }) => ({ access_token: accessToken }) } });
    const { tokens } = await flow(lab, { auth: { introspection_endpoint: `${lab.url}/introspect` } });
    expect(tokens.lifetimeMs).toBeNull();
    expect(lab.refusals).toEqual(['there is nothing at /introspect']);
  });
});
