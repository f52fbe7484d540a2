import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { providerManifestSchema, type ProviderManifest } from '../manifest/provider-manifest.js';
import { checkAppParameters, checkConnectionParameters } from './check-parameters.js';
import { hasServerOfConnection, resolveProvider } from './resolve-provider.js';

const CODE = {
  kind: 'oauth2_authorization_code',
  authorization_endpoint: 'https://acme.example/auth',
  token_endpoint: 'https://acme.example/token',
};

function manifest(more: object): ProviderManifest {
  const base = {
    name: 'acme',
    title: 'Acme',
    auth: CODE,
    base_url: 'https://api.acme.example',
    origins: ['https://api.acme.example'],
  };
  return providerManifestSchema.parse({ ...base, ...more });
}

function withParameter(parameter: object, address: string, origin = address): ProviderManifest {
  return manifest({
    connection_parameters: { x: { title: 'X', ...parameter } },
    base_url: `${address}/v1`,
    origins: [origin],
  });
}

const subdomain = withParameter({ type: 'label' }, 'https://${connection.x}.acme.example');
const selfHosted = withParameter({ type: 'hostname' }, 'https://${connection.x}');
const anyOrigin = withParameter({ type: 'origin' }, '${connection.x}');
const tenant = withParameter({ type: 'identifier' }, 'https://api.acme.example/${connection.x}', 'https://api.acme.example');
const baseOf = (provider: ProviderManifest, x: string) => resolveProvider(provider, { connection: { x } }).base_url;

const NO_HOSTS = [
  'evil.com/',
  'a.b@evil.example',
  'evil.example%2e',
  '%2e%2e',
  'аcme.example', // a Cyrillic а
  'bücher.example',
  'acme.example.',
  '..',
  'a..b',
  '.acme.example',
  'acme.example\r\nHost: evil',
  'acme example',
  'acme.example:443',
  'acme.example?x',
  'acme.example#x',
  'acme\\.example',
  '-acme.example',
  'x'.repeat(300),
  `${'x'.repeat(64)}.example`,
  '',
  '${secret}',
];
const LOCAL = [
  'localhost',
  'a.localhost',
  'printer.local',
  'metadata.google.internal',
  'intranet',
  '127.0.0.1',
  '10.0.0.1',
  '169.254.169.254',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '2130706433',
  '0x7f000001',
  '127.1',
  '[::1]',
  '::1',
];

describe('resolveProvider', () => {
  it('fills connection, app and client references everywhere, and leaves what belongs to the moment of use', () => {
    const provider = manifest({
      connection_parameters: { sub: { title: 'S', type: 'label' } },
      app_parameters: { tenant: { title: 'T', type: 'identifier' } },
      base_url: 'https://${connection.sub}.acme.example/v1',
      origins: ['https://${connection.sub}.acme.example'],
      auth: { ...CODE, token_endpoint: 'https://acme.example/${app.tenant}/token' },
      revocation: {
        endpoint: 'https://acme.example/apps/${client.id}/grant',
        request: { parameters: { t: '${token.access_token}' } },
      },
      headers: { 'X-Client': '${client.id}' },
      credential: { in: 'basic', template: '${connection.sub}:${secret}' },
    });
    const values = { connection: { sub: 'shop' }, app: { tenant: 't-1' }, clientId: 'a/../b c' };
    expect(resolveProvider(provider, values)).toMatchObject({
      base_url: 'https://shop.acme.example/v1',
      origins: ['https://shop.acme.example'],
      auth: { token_endpoint: 'https://acme.example/t-1/token' },
      revocation: {
        endpoint: 'https://acme.example/apps/a%2F..%2Fb%20c/grant',
        request: { parameters: { t: '${token.access_token}' } },
      },
      headers: { 'x-client': 'a/../b c' },
      credential: { template: 'shop:${secret}' },
    });
    expect(resolveProvider(provider, { ...values })).toBe(resolveProvider(provider, structuredClone(values)));
    expect(resolveProvider(provider, { ...values, clientId: 'other' })).not.toBe(resolveProvider(provider, values));
    expect(() => resolveProvider(provider, { ...values, clientId: 'a\r\nb' })).toThrow('/clientId: must be printable ASCII');
  });

  it('gives a manifest that has nothing to fill back as it is', () => {
    const provider = manifest({ credential: { in: 'basic', template: 'x:${secret}' } });
    expect(resolveProvider(provider, { connection: { any: 'thing' } })).toBe(provider);
  });

  it('tells two manifests with the same values apart', () => {
    expect(baseOf(subdomain, 'shop')).toBe('https://shop.acme.example/v1');
    expect(baseOf(tenant, 'shop')).toBe('https://api.acme.example/shop/v1');
  });

  it('asks for what the person or the app must state, and waits for what the provider will', () => {
    expect(() => resolveProvider(subdomain, {})).toThrow('/parameters/x: is required');
    const later = withParameter({ type: 'origin', source: { token_response: '/instance_url' } }, '${connection.x}');
    expect(resolveProvider(later, {}).base_url).toBe('${connection.x}/v1');
    expect(baseOf(later, 'https://eu1.acme.example')).toBe('https://eu1.acme.example/v1');
    const preset = withParameter({ type: 'label', default: 'www' }, 'https://${connection.x}.acme.example');
    expect(resolveProvider(preset, {}).base_url).toBe('https://www.acme.example/v1');
    expect(() => resolveProvider(subdomain, JSON.parse('{"connection":{"__proto__":{"x":"a"}}}'))).toThrow('is required');
  });

  it.each([...NO_HOSTS, 'a.b', '127.0.0.1', '[::1]', 'UPPER', 'http://a'])('%j is no label', (x) => {
    expect(() => baseOf(subdomain, x)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it.each([...NO_HOSTS, ...LOCAL, 'UPPER.example', 'https://a.example'])('%j is no host name', (x) => {
    expect(() => baseOf(selfHosted, x)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it.each([
    ...[...NO_HOSTS, ...LOCAL].map((host) => `https://${host}`),
    'https://a.example/',
    'https://a.example/path',
    'https://u:p@a.example',
    'https://a.example:443',
    'http://a.example',
    'HTTPS://a.example',
    'javascript:alert(1)',
    'file:///etc/passwd',
    '//a.example',
    'a.example',
  ])('%j is no origin', (x) => {
    expect(() => baseOf(anyOrigin, x)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it.each(['..', '.', '...', 'a/b', 'a?b', 'a#b', 'a%2fb', 'a b', 'ä', '', 'a\nb', '${secret}', 'x'.repeat(300)])(
    '%j is no identifier',
    (x) => expect(() => baseOf(tenant, x)).toThrow(expect.objectContaining({ code: 'invalid_request' })),
  );

  it('takes real ones', () => {
    expect(baseOf(selfHosted, 'gitlab.acme.co.uk')).toBe('https://gitlab.acme.co.uk/v1');
    expect(baseOf(selfHosted, 'xn--bcher-kva.example')).toBe('https://xn--bcher-kva.example/v1');
    expect(baseOf(anyOrigin, 'https://eu1.acme.example:8443')).toBe('https://eu1.acme.example:8443/v1');
    expect(baseOf(tenant, '3f2b..A_~-')).toBe('https://api.acme.example/3f2b..A_~-/v1');
  });

  it('allows this machine where the manifest itself is there, and nowhere else', () => {
    const lab = manifest({
      connection_parameters: { x: { title: 'X', type: 'origin' } },
      auth: { ...CODE, token_endpoint: 'http://127.0.0.1:9/token' },
      base_url: '${connection.x}',
      origins: ['${connection.x}'],
    });
    expect(baseOf(lab, 'http://127.0.0.1:8080')).toBe('http://127.0.0.1:8080');
    expect(() => baseOf(lab, 'http://10.0.0.1')).toThrow('must be https');
    expect(() => baseOf(anyOrigin, 'http://127.0.0.1:8080')).toThrow('must be https');
  });

  it('holds host_suffixes and one_of also against what is already stored', () => {
    const suffixed = withParameter({ type: 'hostname', host_suffixes: ['.acme.example'] }, 'https://${connection.x}');
    expect(baseOf(suffixed, 'eu.acme.example')).toBe('https://eu.acme.example/v1');
    for (const x of ['evilacme.example', 'acme.example', 'eu.acme.example.evil.example', 'acme.example.evil'])
      expect(() => baseOf(suffixed, x)).toThrow('must end with .acme.example');
    const listed = withParameter({ type: 'label', one_of: ['com', 'eu'] }, 'https://accounts.acme.${connection.x}');
    expect(baseOf(listed, 'eu')).toBe('https://accounts.acme.eu/v1');
    expect(() => baseOf(listed, 'evil')).toThrow('must be one of com, eu');
  });

  it('whatever the value: the host is the provider’s or the call is refused', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('a', 'B', '.', '/', '@', ':', '%', '2e', '#', '?', '\\', '-', '\r', '\n', ' ', 'é', '${secret}'),
      maxLength: 10,
    });
    fc.assert(
      fc.property(nasty, (x) => {
        for (const provider of [subdomain, tenant]) {
          let base: string;
          try {
            base = baseOf(provider, x);
          } catch (error) {
            expect(error).toMatchObject({ code: 'invalid_request' });
            continue;
          }
          const url = new URL(base);
          expect(url.hostname.endsWith('.acme.example')).toBe(true);
          expect(url.href).toBe(base);
          expect(url.pathname.endsWith('/v1')).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('parameters as they are given', () => {
  it('are normalised, completed and taken from their own source only', () => {
    const provider = manifest({
      connection_parameters: {
        sub: { title: 'S', type: 'label' },
        region: { title: 'R', type: 'label', default: 'eu' },
        note: { title: 'N', type: 'identifier', required: false },
        realm: { title: 'Realm', type: 'identifier', source: { callback: 'realmId' } },
      },
    });
    expect(checkConnectionParameters(provider, { sub: 'ShOp', note: '' }, 'input')).toEqual({ sub: 'shop', region: 'eu' });
    expect(checkConnectionParameters(provider, { realm: 42 }, 'callback')).toEqual({ realm: '42' });
    expect(checkConnectionParameters(provider, {}, 'token_response')).toEqual({});
    expect(() => checkConnectionParameters(provider, { sub: 'a', realm: 'x' }, 'input')).toThrow(
      '/parameters/realm: is not a parameter',
    );
  });

  it('are refused with a pointer to each', () => {
    const given = JSON.parse('{"x":["a"],"__proto__":"b","constructor":"c"}') as Record<string, unknown>;
    expect(() => checkConnectionParameters(subdomain, given, 'input')).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        details: {
          errors: [
            { pointer: '/parameters/__proto__', detail: 'is not a parameter of this provider' },
            { pointer: '/parameters/constructor', detail: 'is not a parameter of this provider' },
            { pointer: '/parameters/x', detail: 'must be a text' },
          ],
        },
      }),
    );
    expect(() => checkConnectionParameters(subdomain, {}, 'input')).toThrow('/parameters/x: is required');
  });

  it('of an app are checked alike', () => {
    const provider = manifest({
      app_parameters: { contact: { title: 'C', type: 'email' } },
      headers: { 'X-C': '${app.contact}' },
    });
    expect(checkAppParameters(provider, { contact: 'ops+kw@acme.example' })).toEqual({ contact: 'ops+kw@acme.example' });
    for (const contact of [
      'a@b',
      'a@127.0.0.1',
      'a b@acme.example',
      'a@acme.example\r\nx: y',
      '@acme.example',
      'a@@acme.example',
      '"a"@acme.example',
    ])
      expect(() => checkAppParameters(provider, { contact })).toThrow('/parameters/contact: must be an e-mail address');
  });

  it('are no template: what is filled later is not asked for by a value', () => {
    const provider = manifest({
      connection_parameters: { email: { title: 'E', type: 'email' } },
      credential: { in: 'basic', template: '${connection.email}/token:${secret}' },
    });
    for (const email of ['${secret}@acme.example', '${client.secret}@acme.example', 'a${token.refresh_token}@acme.example']) {
      expect(() => checkConnectionParameters(provider, { email }, 'input')).toThrow('must be an e-mail address');
      expect(() => resolveProvider(provider, { connection: { email } })).toThrow('must be an e-mail address');
    }
    const odd = 'a{$}b$@acme.example';
    expect(resolveProvider(provider, { connection: { email: odd } }).credential).toMatchObject({
      template: `${odd}/token:\${secret}`,
    });
    const named = manifest({ headers: { 'X-Id': '${client.id}' } });
    expect(() => resolveProvider(named, { clientId: '${client.secret}' })).toThrow('/clientId');
  });

  it('of kinds of grants that bring their own need no declaration', () => {
    const app = manifest({
      auth: {
        kind: 'app_installation',
        installation_url: 'https://acme.example/install',
        token_endpoint: 'https://acme.example/i/${connection.installation_id}/t',
      },
    });
    expect(checkConnectionParameters(app, { installation_id: '77' }, 'callback')).toEqual({ installation_id: '77' });
    expect(() => checkConnectionParameters(app, { installation_id: '../1' }, 'callback')).toThrow('/parameters/installation_id');
    expect(resolveProvider(app, { connection: { installation_id: '77' } }).auth).toMatchObject({
      token_endpoint: 'https://acme.example/i/77/t',
    });
    expect(resolveProvider(app, {}).auth).toMatchObject({
      token_endpoint: 'https://acme.example/i/${connection.installation_id}/t',
    });
  });
});

describe('the server that issues tokens', () => {
  const TOKEN = 'https://acme.example/token';
  const step = { endpoint: 'https://${connection.x}.acme.example/long' };
  it.each<[string, object, object, boolean]>([
    ['whose host a connection names', { token_endpoint: 'https://${connection.x}.acme.example/token' }, {}, true],
    ['whose origin is a connection’s', { token_endpoint: '${connection.z}/token' }, {}, true],
    ['that a later step asks, at a connection’s host', { steps: [step] }, {}, true],
    ['that refreshes at a connection’s host', {}, { endpoint: 'https://${connection.x}.acme.example/refresh' }, true],
    ['of all connections, with a part for each', { token_endpoint: `${TOKEN}/\${connection.x}` }, {}, false],
    ['of a registration', { token_endpoint: 'https://${app.y}.acme.example/token' }, {}, false],
    ['of all connections', { token_endpoint: TOKEN }, {}, false],
  ])('%s', (_what, auth, refresh, expected) => {
    const provider = manifest({
      auth: { ...CODE, ...auth },
      refresh,
      connection_parameters: {
        x: { title: 'X', type: 'label' },
        z: { title: 'Z', type: 'origin', one_of: ['https://z.acme.example'] },
      },
      app_parameters: { y: { title: 'Y', type: 'label' } },
      base_url: 'https://api.acme.example/${connection.x}',
      origins: ['https://api.acme.example'],
    });
    const values = { connection: { x: 'one', z: 'https://z.acme.example' }, app: { y: 'two' } };
    expect(hasServerOfConnection(resolveProvider(provider, values))).toBe(expected);
    expect(hasServerOfConnection(resolveProvider(provider, values))).toBe(expected);
  });
});
