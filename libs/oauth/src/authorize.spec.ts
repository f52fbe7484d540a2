import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { testProvider } from '../test/provider.js';
import { authorizationUrl } from './authorize.js';
import { createPkcePair } from './pkce.js';

const request = {
  provider: testProvider(),
  client: { clientId: 'client-1' },
  redirectUri: 'https://auth.keyward.example/oauth/callback/abc',
  scopes: ['notes:read', 'notes:write'],
  state: 'the-state',
  codeChallenge: 'the-challenge',
};

describe('authorizationUrl', () => {
  it('asks for a code with PKCE S256, as literally as the wire wants it', () => {
    expect(authorizationUrl(request).href).toBe(
      'https://as.example.com/auth?response_type=code&client_id=client-1&redirect_uri=https%3A%2F%2Fauth.keyward.example%2Foauth%2Fcallback%2Fabc' +
        '&state=the-state&code_challenge=the-challenge&code_challenge_method=S256&scope=notes%3Aread+notes%3Awrite',
    );
  });

  it('keeps a query that the endpoint already has, and joins scopes by the manifest’s separator', () => {
    const provider = testProvider({
      auth: { authorization_endpoint: 'https://as.example.com/auth?tenant=t1', scopes: { default: [], separator: ',' } },
    });
    const url = authorizationUrl({ ...request, provider });
    expect(url.searchParams.get('tenant')).toBe('t1');
    expect(url.searchParams.get('scope')).toBe('notes:read,notes:write');
  });

  it('lets the manifest add parameters and never replace one of the protocol', () => {
    const provider = testProvider({
      auth: {
        authorization_parameters: {
          prompt: 'consent',
          state: 'fixed',
          redirect_uri: 'https://evil.example',
          code_challenge_method: 'plain',
        },
      },
    });
    const url = authorizationUrl({ ...request, provider });
    expect(url.searchParams.get('prompt')).toBe('consent');
    expect(url.searchParams.getAll('state')).toEqual(['the-state']);
    expect(url.searchParams.getAll('redirect_uri')).toEqual([request.redirectUri]);
    expect(url.searchParams.getAll('code_challenge_method')).toEqual(['S256']);
  });

  it.each(['http://as.example.com/auth', 'http://127.0.0.1.evil.example/auth', 'http://localhost.evil.example/auth'])(
    'refuses plain http beyond this machine: %s',
    (authorization_endpoint) => {
      const provider = { ...testProvider(), auth: { ...testProvider().auth, authorization_endpoint } };
      expect(() => authorizationUrl({ ...request, provider })).toThrow(/https/);
    },
  );

  it.each(['http://127.0.0.1:8090/auth', 'http://localhost:8090/auth', 'http://[::1]:8090/auth'])(
    'takes plain http on this machine: %s',
    (authorization_endpoint) => {
      const provider = { ...testProvider(), auth: { ...testProvider().auth, authorization_endpoint } };
      expect(authorizationUrl({ ...request, provider }).href.startsWith(authorization_endpoint)).toBe(true);
    },
  );

  it.each(['javascript:alert(1)', 'data:text/html,x', '//as.example.com/auth', 'https://user:pass@as.example.com/auth', ''])(
    'refuses %s',
    (authorization_endpoint) => {
      const provider = { ...testProvider(), auth: { ...testProvider().auth, authorization_endpoint } };
      expect(() => authorizationUrl({ ...request, provider })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    },
  );
});

describe('createPkcePair', () => {
  it('has a verifier of 256 bits and its SHA-256 as challenge (RFC 7636 section 4.2)', async () => {
    const pair = await createPkcePair(testProvider());
    expect(pair.verifier).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(pair.challenge).toBe(createHash('sha256').update(pair.verifier).digest('base64url'));
    expect((await createPkcePair(testProvider())).verifier).not.toBe(pair.verifier);
  });
});
