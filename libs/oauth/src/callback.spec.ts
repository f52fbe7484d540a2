import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { testProvider } from '../test/provider.js';
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
