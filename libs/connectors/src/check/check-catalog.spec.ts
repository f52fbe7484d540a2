import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkCatalog } from './check-catalog.js';

const TODAY = new Date('2026-03-01T12:00:00Z');
const MANIFEST = `name: acme
title: Acme
documentation: https://docs.acme.example
sources:
  - page: https://docs.acme.example/oauth
    checked: 2026-02-28
    covers: [/auth, /base_url, /refresh]
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: https://acme.example/auth
  token_endpoint: https://acme.example/token
  token_endpoint_auth_method: client_secret_post
  scopes: { default: [read], descriptions: { read: Read your things } }
refresh: { rotates: true, margin: 0.3 }
base_url: https://api.acme.example
origins: ['https://api.acme.example']
`;
const TOOLS = `- name: acme_get
  title: Get
  description: Gets a thing.
  effect: read
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: GET, path: '/things/{id}' }
`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-check-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function connector(name: string, manifest: string, tools?: string): void {
  mkdirSync(join(dir, name));
  writeFileSync(join(dir, name, 'connector.yaml'), manifest);
  if (tools !== undefined) writeFileSync(join(dir, name, 'tools.yaml'), tools);
}

function problems(manifest: string, tools?: string): string[] {
  connector('acme', manifest, tools);
  return checkCatalog(dir, TODAY).problems.map(
    ({ file, line, pointer, detail }) => `${file.slice(dir.length + 1)}:${line} ${pointer} ${detail}`,
  );
}

describe('checkCatalog', () => {
  it('finds nothing in a manifest whose facts have their sources, and tells what there is', () => {
    connector('acme', MANIFEST, TOOLS);
    expect(checkCatalog(dir, TODAY)).toEqual({
      providers: [
        {
          name: 'acme',
          title: 'Acme',
          kind: 'oauth2_authorization_code',
          scopes: ['read'],
          sources: [{ page: 'https://docs.acme.example/oauth', checked: '2026-02-28', seen: 'vendor' }],
          tools: 1,
        },
      ],
      tools: 1,
      problems: [],
    });
  });

  it('passes our own connectors', () => {
    const { problems: found, providers } = checkCatalog(join(import.meta.dirname, '../../../../connectors'));
    expect(found).toEqual([]);
    expect(providers.map(({ name }) => name)).toContain('sandbox');
  });

  it.each<[string, string, string]>([
    ['no documentation', MANIFEST.replace(/documentation.*\n/, ''), 'acme/connector.yaml:1 /documentation is missing'],
    [
      'an endpoint without a source',
      MANIFEST.replace('[/auth,', '[/auth/scopes,'),
      ':11 /auth/token_endpoint no source covers it',
    ],
    [
      'a deviation without a source',
      MANIFEST.replace('[/auth,', '[/auth/scopes,'),
      ':12 /auth/token_endpoint_auth_method no source covers it',
    ],
    [
      'scopes without a source',
      MANIFEST.replace('[/auth,', '[/auth/token_endpoint,'),
      ':13 /auth/scopes/default no source covers it',
    ],
    ['a refresh rule without a source', MANIFEST.replace(', /refresh]', ']'), ':14 /refresh/rotates no source covers it'],
    [
      'a grace without rotation',
      MANIFEST.replace('rotates: true', 'reuse_grace_seconds: 9'),
      ':14 /refresh/reuse_grace_seconds needs rotates',
    ],
    [
      'a probe without an endpoint',
      MANIFEST.replace('rotates: true', 'recovery_probe: introspection'),
      ':14 /refresh/recovery_probe needs',
    ],
    [
      'limits of a token endpoint without a source',
      MANIFEST.replace('margin: 0.3', 'requests_per_minute: 9').replace('/refresh]', '/refresh/rotates]'),
      ':14 /refresh/requests_per_minute no source covers it',
    ],
    ['an address without a source', MANIFEST.replace(', /base_url', ''), ':15 /base_url no source covers it'],
    [
      'a revocation without a source',
      `${MANIFEST}revocation: { endpoint: 'https://acme.example/revoke' }\n`,
      ':17 /revocation/endpoint no source',
    ],
    ['a probe without a source', `${MANIFEST}probe: { path: /me }\n`, ':17 /probe/path no source'],
    ['a credential without a source', `${MANIFEST}credential: { in: query, name: key }\n`, ':17 /credential/in no source'],
    ['a certificate without a source', `${MANIFEST}client_certificate: true\n`, ':17 /client_certificate no source'],
    ['limits without a source', `${MANIFEST}limits: { rate: { remaining: [x-left] } }\n`, ':17 /limits/rate/remaining no source'],
    ['a header without a source', `${MANIFEST}headers: { X-V: '1' }\n`, '/headers/X-V no source'],
    ['a source of tomorrow', MANIFEST.replace('2026-02-28', '2026-03-02'), ':6 /sources/0/checked lies in the future'],
    ['a date that is none', MANIFEST.replace('2026-02-28', '2026-02-30'), ':6 /sources/0/checked'],
    ['a page that is not https', MANIFEST.replace('page: https', 'page: http'), ':5 /sources/0/page'],
    ['a source of nothing', MANIFEST.replace('[/auth,', '[/auth, /auht,'), ':7 /sources/0/covers/1 there is nothing at /auht'],
    [
      'a scope without words',
      MANIFEST.replace('[read]', '[read, write]'),
      '/auth/scopes/descriptions says nothing of the default scope "write"',
    ],
  ])('finds %s', (_what, manifest, expected) => {
    expect(problems(manifest).join('\n')).toContain(expected);
  });

  it('finds an installation that nobody shows to be theirs, at a real provider', () => {
    const app = `auth:
  kind: app_installation
  installation_url: https://acme.example/install
  token_endpoint: https://acme.example/token
`;
    const bare = MANIFEST.replace(/auth:\n[^]*?base_url/, `${app}base_url`).replace(', /refresh', '');
    expect(problems(bare)).toEqual([
      'acme/connector.yaml:9 /auth/user_authorization is missing: how a person shows that the installation is theirs',
    ]);
    rmSync(join(dir, 'acme'), { recursive: true });
    const shown = `  user_authorization: { token_endpoint: 'https://acme.example/user', installations: { endpoint: 'https://acme.example/mine' } }\n`;
    expect(problems(bare.replace('base_url: ', `${shown}base_url: `))).toEqual([]);
    rmSync(join(dir, 'acme'), { recursive: true });
    const unsaid = shown.replace('{ token', '{ pkce: none, token');
    expect(problems(bare.replace('base_url: ', `${unsaid}base_url: `)).join()).toContain('/auth/user_authorization/pkce_reason');
    rmSync(join(dir, 'acme'), { recursive: true });
    expect(
      problems(
        bare
          .replace(/documentation[^]*?auth:/, 'auth:')
          .replaceAll('https://acme.example', 'http://127.0.0.1:1')
          .replaceAll('https://api.acme.example', 'http://127.0.0.1:1'),
      ),
    ).toEqual([]);
  });

  it('a prefix of a name is not a prefix of a place', () => {
    expect(problems(MANIFEST.replace('[/auth,', '[/auth/token_endpoint, /auth/scopes, /auth/authorization_endpoint,'))).toEqual([
      'acme/connector.yaml:12 /auth/token_endpoint_auth_method no source covers it',
    ]);
  });

  it('what is written out but says the default, and what is ours to choose, needs no source', () => {
    const more = "credential: { in: header, name: Authorization, prefix: 'Bearer ' }\nlimits: { max_attempts: 5 }\n";
    expect(problems(MANIFEST + more)).toEqual([]);
    rmSync(join(dir, 'acme'), { recursive: true });
    const ours = 'minimum_margin_seconds: 60, maximum_margin_seconds: 99, concurrency: 2, margin: 0.3';
    expect(problems(MANIFEST.replace('/refresh]', '/refresh/rotates]').replace('margin: 0.3', ours))).toEqual([]);
    rmSync(join(dir, 'acme'), { recursive: true });
    expect(
      problems(MANIFEST.replace('scopes: {', "pkce: S256\n  token_request: { format: form }\n  scopes: { separator: ' ',")),
    ).toEqual([]);
  });

  it('tells what is wrong in every file, not in the first alone', () => {
    connector('acme', MANIFEST.replace('title: Acme', 'title: ""'), TOOLS.replace('read', 'reed'));
    connector('bcme', MANIFEST.replace('name: acme', 'name: other'));
    connector(
      'ccme',
      MANIFEST.replace('name: acme', 'name: ccme'),
      TOOLS + TOOLS.replace('acme_get', 'ccme_get').replace('{id}', '{no}'),
    );
    connector('dcme', MANIFEST.replace('name: acme', 'name: dcme'), TOOLS.replace('acme_get', 'dcme_get'));
    connector('ecme', MANIFEST.replace('name: acme', 'name: ecme'), TOOLS.replace('acme_get', 'dcme_get'));
    connector('fcme', 'name: [');
    const { problems: found } = checkCatalog(dir, TODAY);
    expect(found.map(({ file, pointer }) => `${file.slice(dir.length + 1)} ${pointer}`)).toEqual([
      'acme/connector.yaml /title',
      'acme/tools.yaml /0/effect',
      'bcme/connector.yaml /name',
      'ccme/tools.yaml /1/request/path',
      'ecme/tools.yaml /0/name',
      expect.stringMatching(/^fcme\/connector.yaml/),
    ]);
  });

  it('a provider on this machine, or where the deployment says, is its own documentation', () => {
    const bare = MANIFEST.replace(/documentation[^]*?auth:/, 'auth:');
    const own = `variables: { url: where it is }\n${bare.replaceAll('https://acme.example', '${url}')}`;
    expect(problems(own)).toEqual([]);
  });

  it('an absent folder is a problem too', () => {
    expect(checkCatalog(join(dir, 'no'), TODAY).problems).toMatchObject([{ detail: 'there is no such folder of connectors' }]);
  });
});
