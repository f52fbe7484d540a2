import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createEgress, type Egress } from '@keyward/egress';
import { startMtlsServer, testCa, testClient } from '@keyward/testing/mtls';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { resolveProvider } from '@keyward/connectors';
import { testKey } from '../test/keys.js';
import { grantProvider, StrictServer } from '../test/strict-server.js';
import { obtainToken } from './grants/obtain-token.js';
import type { Wire } from './wire.js';

const TOKEN = { access_token: 'at-1', token_type: 'Bearer', expires_in: 600 };
const wire: Wire = { fetch: (url, init) => fetch(url, init) };

describe('private_key_jwt', () => {
  let honest: StrictServer;
  let hostile: StrictServer;
  beforeAll(async () => {
    honest = await StrictServer.start();
    hostile = await StrictServer.start();
  });
  afterAll(() => Promise.all([honest.stop(), hostile.stop()]));
  beforeEach(() => {
    honest.refusals.length = 0;
  });

  const client = { clientId: 'client1', privateKey: testKey('PS256').pem };
  const provider = (server: StrictServer, auth: Record<string, unknown> = {}) =>
    grantProvider(server.url, {
      kind: 'oauth2_client_credentials',
      issuer: server.url,
      token_endpoint: `${server.url}/token`,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'PS256',
      ...auth,
    });

  /** RFC 7523 section 3 and RFC 9700: the audience is this server's issuer identifier, alone. */
  const guard = (server: StrictServer) => {
    server.answer = async ({ form }) => {
      const { payload } = await jwtVerify(form.get('client_assertion') ?? '', testKey('PS256').publicKey, {
        algorithms: ['PS256'],
        issuer: 'client1',
        subject: 'client1',
        requiredClaims: ['jti', 'exp'],
      });
      if (payload.aud !== server.url) throw new Error('the audience is not this server');
      return [200, TOKEN];
    };
  };

  it('private_key_jwt audience = issuer: what one server was given opens nothing at another', async () => {
    guard(honest);
    let stolen = new URLSearchParams();
    hostile.answer = ({ form }) => {
      stolen = form;
      return [200, TOKEN];
    };
    await obtainToken({ provider: provider(hostile), client, scopes: [] }, wire);
    expect(stolen.get('client_assertion')).not.toBeNull();
    const replayed = await fetch(`${honest.url}/token`, { method: 'POST', body: stolen });
    expect([replayed.status, honest.refusals]).toEqual([400, ['the audience is not this server']]);
    expect((await obtainToken({ provider: provider(honest), client, scopes: [] }, wire)).accessToken).toBe('at-1');
  });

  it('quirk: one-shot key to assertion in the client secret’s place, ES256 with an issuer of its own', async () => {
    const { publicKey, pem } = testKey('ES256');
    honest.answer = async ({ form }) => {
      expect([...form.keys()].sort()).toEqual(['client_id', 'client_secret', 'grant_type']);
      const secret = form.get('client_secret') ?? '';
      const { payload } = await jwtVerify(secret, publicKey, { audience: 'https://appleid.example', issuer: 'TEAM123456' });
      expect([payload.sub, decodeProtectedHeader(secret).kid]).toEqual(['client1', 'KEY1234567']);
      return [200, TOKEN];
    };
    const manifest = grantProvider(
      honest.url,
      {
        kind: 'oauth2_client_credentials',
        token_endpoint: `${honest.url}/token`,
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        token_endpoint_client_assertion: {
          header: { kid: '${app.key_id}' },
          claims: { iss: '${app.team_id}', aud: 'https://appleid.example' },
        },
        token_request: { rename: { client_assertion: 'client_secret' }, omit: ['client_assertion_type'] },
      },
      {
        app_parameters: {
          team_id: { title: 'Team', type: 'identifier' },
          key_id: { title: 'Key', type: 'identifier' },
        },
      },
    );
    const parameters = { team_id: 'TEAM123456', key_id: 'KEY1234567' };
    const resolved = resolveProvider(manifest, { app: parameters, clientId: 'client1' });
    await obtainToken({ provider: resolved, client: { clientId: 'client1', privateKey: pem, parameters }, scopes: [] }, wire);
    expect(honest.refusals).toEqual([]);
  });
});

describe('quirk: mTLS at the token endpoint', () => {
  const trusted = getCACertificates('default');
  let server: Awaited<ReturnType<typeof startMtlsServer>>;
  let egress: Egress;
  beforeAll(async () => {
    setDefaultCACertificates([...trusted, testCa]);
    server = await startMtlsServer((subject, body) => {
      const known = subject === 'client.test' && new URLSearchParams(body).get('client_id') === 'client1';
      return known ? [200, TOKEN] : [401, { error: 'invalid_client' }];
    });
    egress = createEgress({ privateOrigins: [server.origin] });
  });
  afterAll(async () => {
    await egress.close();
    await server.stop();
    setDefaultCACertificates(trusted);
  });

  const ask = (method: string, client: Record<string, string>, more: Record<string, unknown> = {}) => {
    const auth = {
      kind: 'oauth2_client_credentials',
      token_endpoint: `${server.origin}/token`,
      token_endpoint_auth_method: method,
    };
    const provider = grantProvider(server.origin, auth, more);
    const through: Wire = { fetch: egress.fetchFor({ provider: 'bank', origins: [server.origin] }) };
    return obtainToken({ provider, client: { clientId: 'client1', ...client }, scopes: [] }, through);
  };

  it('shows the certificate of the registration (RFC 8705 section 2.1)', async () => {
    expect((await ask('tls_client_auth', testClient)).accessToken).toBe('at-1');
  });

  it('shows it beside a client secret where the API will want to see it (RFC 8705 section 3)', async () => {
    const [client, more] = [{ ...testClient, clientSecret: 's' }, { client_certificate: true }];
    expect((await ask('client_secret_post', client, more)).accessToken).toBe('at-1');
    await expect(ask('client_secret_post', client)).rejects.toMatchObject({ failure: 'invalid_client' });
    await expect(ask('client_secret_post', { clientSecret: 's' }, more)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('shows none where the manifest asks for none, and is missed where the registration has none', async () => {
    await expect(ask('none', testClient)).rejects.toMatchObject({ failure: 'invalid_client' });
    await expect(ask('tls_client_auth', {})).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
