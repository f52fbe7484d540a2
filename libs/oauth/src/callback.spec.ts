import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { providerManifestSchema } from '@keyward/connectors';
import { testProvider } from '../test/provider.js';
import { authorizationUrl } from './authorize.js';
import { readCallback } from './callback.js';

const ISSUER = 'https://as.example.com';
const provider = testProvider();
const announcesIss = testProvider({ auth: { authorization_response_iss_parameter_supported: true } });
const withoutIssuer = testProvider({ auth: { issuer: undefined } });
const read = (query: string, manifest = provider) =>
  readCallback(manifest, { clientId: 'client-1' }, new URLSearchParams(query), 'the-state');

describe('readCallback', () => {
  it('takes a code with the verified state', () => {
    const callback = read('code=c-1&state=the-state');
    expect(callback).toMatchObject({ kind: 'code' });
  });

  it.each(['access_denied', 'invalid_scope', 'server_error', 'temporarily_unavailable'])('reports the error %s', (error) => {
    expect(read(`error=${error}&error_description=because&state=the-state`)).toEqual({ kind: 'error', error });
  });

  it('reports an unknown error without repeating the server’s text', () => {
    expect(read('error=%3Cscript%3E&state=the-state')).toEqual({ kind: 'error', error: 'other' });
  });

  it.each([
    ['code and error together', 'code=c-1&error=access_denied&state=the-state'],
    ['a repeated code', 'code=c-1&code=c-2&state=the-state'],
    ['a repeated state', 'code=c-1&state=the-state&state=the-state'],
    ['a repeated iss', `code=c-1&state=the-state&iss=${ISSUER}&iss=https://evil.example`],
    ['any repeated parameter', 'code=c-1&state=the-state&x=1&x=2'],
    ['an array parameter', 'code[]=c-1&state=the-state'],
    ['no code', 'state=the-state'],
    ['an empty code', 'code=&state=the-state'],
    ['another state', 'code=c-1&state=other'],
    ['no state', 'code=c-1'],
    ['a foreign issuer (RFC 9207)', 'code=c-1&state=the-state&iss=https://evil.example'],
    ['an issuer that differs by a slash', `code=c-1&state=the-state&iss=${ISSUER}/`],
    ['an implicit-flow token', 'access_token=a&token=t&code=c-1&state=the-state&id_token=x'],
  ])('refuses %s', (_name, query) => {
    expect(() => read(query)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('refuses an answer without iss from a server that announces it', () => {
    expect(() => read('code=c-1&state=the-state', announcesIss)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(read(`code=c-1&state=the-state&iss=${ISSUER}`, announcesIss)).toMatchObject({ kind: 'code' });
  });

  it('refuses an error of a foreign issuer as well', () => {
    expect(() => read('error=access_denied&state=the-state&iss=https://evil.example', announcesIss)).toThrow(
      /server that was asked/,
    );
  });

  it('refuses any iss from a server that has no issuer identifier', () => {
    expect(() => read(`code=c-1&state=the-state&iss=${ISSUER}`, withoutIssuer)).toThrow(/server that was asked/);
  });

  it('puts neither code nor state into its errors', () => {
    try {
      read('code=code-canary&state=state-canary');
      expect(true).toBe(false);
    } catch (thrown) {
      expect(inspect(thrown, { depth: 9 })).not.toMatch(/canary/);
    }
  });
});

describe('an app installation', () => {
  const app = providerManifestSchema.parse({
    name: 'apps',
    title: 'Apps',
    auth: {
      kind: 'app_installation',
      installation_url: 'https://as.example.com/install',
      token_endpoint: 'https://as.example.com/token',
    },
    base_url: 'https://as.example.com',
    origins: ['https://as.example.com'],
  });
  const readApp = (query: string) => readCallback(app, { clientId: 'client-1' }, new URLSearchParams(query), 'the-state');

  it('comes back with the id of what was installed', () => {
    const captured = { installation_id: '4711' };
    expect(readApp('installation_id=4711&setup_action=install&state=the-state')).toEqual({ kind: 'installed', captured });
  });

  it('is begun at the page of the app, with the state', () => {
    const request = {
      provider: app,
      client: { clientId: 'client-1' },
      redirectUri: 'https://a.example/cb',
      scopes: [],
      state: 's',
    };
    expect(authorizationUrl(request).href).toBe('https://as.example.com/install?state=s');
  });

  it.each([
    ['another state', 'installation_id=4711&state=other'],
    ['no state', 'installation_id=4711'],
    ['no id', 'setup_action=request&state=the-state'],
    ['an empty id', 'installation_id=&state=the-state'],
    ['an id that leads elsewhere', 'installation_id=../1&state=the-state'],
    ['two ids', 'installation_id=1&installation_id=2&state=the-state'],
  ])('refuses %s', (_name, query) => {
    expect(() => readApp(query)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
