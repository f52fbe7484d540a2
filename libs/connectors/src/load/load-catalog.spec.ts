import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadCatalog } from './load-catalog.js';

const MANIFEST = `name: acme
title: Acme
variables: { url: where Acme listens }
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: \${url}/auth
  token_endpoint: \${url}/token
  scopes: { default: [read] }
refresh: { rotates: true }
base_url: \${url}/api
origins: ['\${url}']
`;
const TOOLS = `- name: acme_get
  title: Get
  description: Gets a thing.
  effect: read
  scopes: [read]
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: GET, path: '/things/{id}' }
`;
const VARIABLES = { acme: { url: 'https://acme.example' } };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-connectors-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function connector(name: string, manifest: string | undefined, tools: string | undefined): void {
  mkdirSync(join(dir, name));
  if (manifest !== undefined) writeFileSync(join(dir, name, 'connector.yaml'), manifest);
  if (tools !== undefined) writeFileSync(join(dir, name, 'tools.yaml'), tools);
}

function failure(manifest: string, tools: string, variables: Record<string, Record<string, string>> = VARIABLES): string {
  connector('acme', manifest, tools);
  try {
    loadCatalog(dir, variables);
  } catch (error) {
    return String(error).replaceAll(dir, '');
  }
  return 'loaded';
}

const OURS = Object.fromEntries(
  ['sandbox', 'sandbox_device', 'sandbox_key', 'sandbox_mcp', 'sandbox_service'].map((name) => [
    name,
    { url: 'http://127.0.0.1:8090' },
  ]),
);

describe('loadCatalog', () => {
  it('fills variables in and gives the tools by name', () => {
    connector('acme', MANIFEST, TOOLS);
    const catalog = loadCatalog(dir, VARIABLES);
    expect(catalog.connector('acme')).toMatchObject({
      base_url: 'https://acme.example/api',
      origins: ['https://acme.example'],
      auth: { pkce: 'S256', token_endpoint_auth_method: 'client_secret_basic' },
      credential: { name: 'authorization', prefix: 'Bearer ' },
      propagate_trace: false,
    });
    expect(catalog.tool('acme_get')).toMatchObject({ effect: 'read', scopes: [['read']], idempotent: false });
    expect(() => catalog.tool('acme_gone')).toThrow(expect.objectContaining({ code: 'unknown_tool' }));
    expect(() => catalog.tool('constructor')).toThrow(expect.objectContaining({ code: 'unknown_tool' }));
  });

  it('takes a provider without tools: something to connect to', () => {
    connector('acme', MANIFEST, undefined);
    const catalog = loadCatalog(dir, VARIABLES);
    expect([catalog.connectors().length, catalog.tools().length]).toEqual([1, 0]);
  });

  it('takes tools from several files, which are one connector: names are taken once, problems name their file', () => {
    connector('acme', MANIFEST, undefined);
    mkdirSync(join(dir, 'acme', 'tools'));
    writeFileSync(join(dir, 'acme', 'tools', 'a.yaml'), TOOLS);
    writeFileSync(join(dir, 'acme', 'tools', 'b.yaml'), TOOLS.replace('acme_get', 'acme_read'));
    writeFileSync(join(dir, 'acme', 'tools', 'notes.txt'), 'no tools');
    const names = () =>
      loadCatalog(dir, VARIABLES, { onlyWithTools: true })
        .tools()
        .map(({ name }) => name);
    expect(names()).toEqual(['acme_get', 'acme_read']);
    writeFileSync(join(dir, 'acme', 'tools.yaml'), TOOLS.replace('acme_get', 'acme_read'));
    expect(names).toThrow(/acme\/tools\/b.yaml:1 \(\/0\/name\): the connector "acme" already has a tool of this name/);
  });

  it('leaves out, where only tools are wanted, providers without any; their names stay taken', () => {
    connector('acme', MANIFEST, TOOLS);
    connector('bare', MANIFEST.replace('name: acme', 'name: bare'), undefined);
    const variables = { ...VARIABLES, bare: { url: 'https://bare.example' } };
    const all = loadCatalog(dir, variables);
    const withTools = loadCatalog(dir, variables, { onlyWithTools: true });
    expect(all.connectors().map(({ name }) => name)).toEqual(['acme', 'bare']);
    expect(withTools.connectors().map(({ name }) => name)).toEqual(['acme']);
    const manifest = all.connector('bare');
    if (manifest === undefined) throw new Error('the connector bare is missing');
    expect([all, withTools].map((catalog) => catalog.collides({ manifest, tools: [] }))).toEqual([true, true]);
    expect(withTools.without('bare').collides({ manifest, tools: [] })).toBe(false);
  });

  it('loads our own connectors', () => {
    const catalog = loadCatalog(join(import.meta.dirname, '../../../../connectors'), OURS);
    expect(catalog.tools().map((tool) => tool.name)).toContain('sandbox_create_note');
  });

  it.each<[string, string, string, string]>([
    ['an unknown member', MANIFEST + 'surprise: 1\n', TOOLS, 'acme/connector.yaml:1 (/): Unrecognized key: "surprise"'],
    ['broken YAML', MANIFEST.replace('title: Acme', 'title: [Acme'), TOOLS, 'acme/connector.yaml:'],
    ['a repeated key', MANIFEST + 'title: Again\n', TOOLS, 'acme/connector.yaml:12 (/): Map keys must be unique'],
    ['a custom tag', MANIFEST.replace('title: Acme', 'title: !!js/function "x"'), TOOLS, 'acme/connector.yaml:2'],
    [
      'an undeclared variable',
      MANIFEST.replace('}/token', '}/${x}'),
      TOOLS,
      'connector.yaml:7 (/auth/token_endpoint): ${x} is not',
    ],
    [
      'plain http',
      MANIFEST.replace('${url}/token', 'http://acme.example/t'),
      TOOLS,
      ':7 (/auth/token_endpoint): must be an https URL',
    ],
    ['user info in a URL', MANIFEST.replace('${url}/token', 'https://a:b@acme.example/t'), TOOLS, ':7 (/auth/token_endpoint)'],
    [
      'javascript: as endpoint',
      MANIFEST.replace('${url}/auth', 'javascript:alert(1)'),
      TOOLS,
      ':6 (/auth/authorization_endpoint)',
    ],
    [
      'an origin with a path',
      MANIFEST.replace("'${url}'", "'https://acme.example/'"),
      TOOLS,
      ':11 (/origins/0): must be an origin alone',
    ],
    [
      'an origin in plain http',
      MANIFEST.replace("'${url}'", 'http://acme.example'),
      TOOLS,
      ':11 (/origins/0): must be an https URL',
    ],
    [
      'origins without that of base_url',
      MANIFEST.replace("'${url}'", 'https://b.example'),
      TOOLS,
      ':11 (/origins): must contain',
    ],
    ['dot segments in base_url', MANIFEST.replace('/api', '/a/../b'), TOOLS, ':10 (/base_url)'],
    ['a scope with a space', MANIFEST.replace('[read]', '["a b"]'), TOOLS, ':8 (/auth/scopes/default/0)'],
    ['another name than the folder', MANIFEST.replace('name: acme', 'name: emca'), TOOLS, ':1 (/name): the name must be that of'],
    ['a key that would reach a prototype', MANIFEST + '__proto__: { a: 1 }\n', TOOLS, ':12 (/__proto__): must not be a name'],
    [
      'a number that can not be kept',
      MANIFEST + 'limits: { max_attempts: 1e400 }\n',
      TOOLS,
      ':12 (/limits/max_attempts): the number',
    ],
    ['a number beyond 2^53', MANIFEST + 'limits: { max_attempts: 9007199254740993 }\n', TOOLS, ':12 (/limits/max_attempts)'],
    ['endless nesting', MANIFEST + `x: ${'['.repeat(10_000)}${']'.repeat(10_000)}\n`, TOOLS, 'acme/connector.yaml:'],
    ['deep nesting', MANIFEST + `x: ${'['.repeat(100)}${']'.repeat(100)}\n`, TOOLS, 'nested deeper than 64'],
    [
      'a fixed header that is the credential',
      MANIFEST + 'headers: { Authorization: x }\n',
      TOOLS,
      ':12 (/headers/authorization)',
    ],
    ['a fixed header of two lines', MANIFEST + 'headers: { X-A: "a\\r\\nb: c" }\n', TOOLS, '(/headers/x-a): must be printable'],
    ['the secret in a fixed header', MANIFEST + "headers: { X-A: '${secret}' }\n", TOOLS, '(/headers/x-a): only connection'],
    [
      'the credential in a fixed parameter',
      MANIFEST + 'credential: { in: query, name: key }\nquery: { key: x }\n',
      TOOLS,
      ':13 (/query/key): the credential',
    ],
    [
      'a tool that sets the credential’s parameter',
      MANIFEST + 'credential: { in: query, name: key }\n',
      TOOLS.replace("{id}'", "{id}', query: { key: x }"),
      '(/0/request/query/key): the credential stands',
    ],
    [
      'a tool that sets a fixed parameter',
      MANIFEST + 'query: { v: x }\n',
      TOOLS.replace("{id}'", "{id}', query: { v: x }"),
      '(/0/request/query/v): the connector itself',
    ],
    [
      'a tool that sets the credential’s member',
      MANIFEST + 'credential: { in: body, name: key }\n',
      TOOLS.replace('GET,', 'POST,').replace("{id}'", "{id}', body: { key: x }"),
      '(/0/request/body/key): the credential stands',
    ],
    [
      'a tool whose arguments would set the credential’s member',
      MANIFEST + 'credential: { in: body, name: id }\n',
      TOOLS.replace('GET,', 'POST,').replace("{id}'", "{id}', body: $"),
      '(/0/request/body): the credential stands in the member "id"',
    ],
    [
      'an undeclared connection parameter',
      MANIFEST.replace('}/token', '}/${connection.x}'),
      TOOLS,
      '${connection.x} is not declared',
    ],
    [
      'a reference that nothing fills',
      MANIFEST + "headers: { X-A: 'a ${client.secrets}' }\n",
      TOOLS,
      ':12 (/headers/x-a): holds a reference that nothing fills',
    ],
    [
      'a default that is not of its type',
      MANIFEST + 'connection_parameters: { s: { title: S, type: label, default: a.b } }\n',
      TOOLS,
      ':12 (/connection_parameters/s/default): must be one part of a host name',
    ],
    [
      'a label that chooses the domain',
      MANIFEST.replace(
        "base_url: ${url}/api\norigins: ['${url}']",
        "base_url: 'https://api.${connection.s}.com'\norigins: ['https://api.${connection.s}.com']",
      ) + 'connection_parameters: { s: { title: S, type: label } }\n',
      TOOLS,
      '(/base_url): ${connection.s} stands in the host',
    ],
    [
      'an identifier in the host',
      MANIFEST.replace('${url}/token', 'https://${connection.s}.acme.example/token') +
        'connection_parameters: { s: { title: S, type: identifier } }\n',
      TOOLS,
      '(/auth/token_endpoint): ${connection.s} stands in the host',
    ],
    [
      'an address that begins with what is no origin',
      MANIFEST.replace('${url}/token', '${connection.s}/token') + 'connection_parameters: { s: { title: S, type: hostname } }\n',
      TOOLS,
      'must be of the type origin',
    ],
    ['a tool name with a dot', MANIFEST, TOOLS.replace('acme_get', 'acme.get'), 'acme/tools.yaml:1 (/0/name)'],
    [
      'a tool twice',
      MANIFEST,
      TOOLS + TOOLS,
      'acme/tools.yaml:8 (/1/name): the connector "acme" already has a tool of this name',
    ],
    ['a GET with a body', MANIFEST, TOOLS.replace("{id}' }", "{id}', body: {} }"), ':7 (/0/request/body): a GET has no body'],
    [
      'an unknown argument in the path',
      MANIFEST,
      TOOLS.replace('{id}', '{no}'),
      ':7 (/0/request/path): there is no argument "no"',
    ],
    ['an optional argument in the path', MANIFEST, TOOLS.replace(', required: [id]', ''), 'the argument "id" must be required'],
    [
      'an unused argument',
      MANIFEST,
      TOOLS.replace('/things/{id}', '/things'),
      ':6 (/0/input/properties/id): the request does not use',
    ],
    [
      'an unknown argument in the query',
      MANIFEST,
      TOOLS.replace("{id}'", "{id}', query: { q: $.q }"),
      '(/0/request/query/q): there is no',
    ],
    [
      'a credential header',
      MANIFEST,
      TOOLS.replace("{id}'", "{id}', headers: { Authorization: x }"),
      '(/0/request/headers/authorization)',
    ],
    ['dot segments in the path', MANIFEST, TOOLS.replace('/things', '/a/../things'), ':7 (/0/request/path)'],
    ['an encoded dot segment', MANIFEST, TOOLS.replace('/things', '/%2e%2e/things'), ':7 (/0/request/path)'],
    ['an absolute URL as path', MANIFEST, TOOLS.replace('/things/{id}', '//evil.example/{id}'), ':7 (/0/request/path)'],
    [
      'a $ref to http',
      MANIFEST,
      TOOLS.replace('{ type: string }', '{ $ref: "http://x/y" }'),
      ':6 (/0/input/properties/id/$ref): must point',
    ],
    [
      'a $ref to a file',
      MANIFEST,
      TOOLS.replace('{ type: string }', '{ $ref: "file:///etc/passwd" }'),
      '(/0/input/properties/id/$ref)',
    ],
    [
      'a slow pattern',
      MANIFEST,
      TOOLS.replace('type: string', 'type: string, pattern: "^(a+)+$"'),
      '(/0/input/properties/id/pattern)',
    ],
    [
      'a keyword that JSON Schema lacks',
      MANIFEST,
      TOOLS.replace('type: string', 'type: string, maxLenght: 3'),
      'unknown keyword: "maxLenght"',
    ],
    [
      'a schema that is no object',
      MANIFEST,
      TOOLS.replace('input: { type: object', 'input: { type: array'),
      '(/0/input/type): must be "object"',
    ],
  ])('names file, line and place of %s', (_what, manifest, tools, expected) => {
    expect(failure(manifest, tools)).toContain(expected);
  });

  it('names a problem of every tool at once', () => {
    const again = TOOLS.replace('acme_get', 'acme_put').replace('/things/{id}', '/a/../{id}');
    const message = failure(MANIFEST, TOOLS.replace('{id}', '{no}') + again);
    expect(message).toContain(':7 (/0/request/path)');
    expect(message).toContain(':14 (/1/request/path)');
  });

  it('names what is wrong with what takes a call back', () => {
    const undo = (compensate: string) =>
      failure(MANIFEST, `${TOOLS}- { ${WRITE}, compensate: { ${compensate} } }\n- { ${UNDO} }\n`);
    const WRITE = `name: acme_put, title: Put, description: Puts., effect: write, input: { type: object }, request: { method: POST, path: /x }`;
    const UNDO = `name: acme_undo, title: U, description: U., effect: write, input: { type: object, properties: { id: {} }, required: [id] }, request: { method: DELETE, path: '/{id}' }`;
    const each = (compensate: string) => {
      const message = undo(compensate);
      rmSync(join(dir, 'acme'), { recursive: true });
      return message;
    };
    expect(each('tool: acme_undo, arguments: { id: { $expr: output.id } }')).toBe('loaded');
    expect(each('tool: acme_gone, arguments: {}')).toContain(':8 (/1/compensate/tool): this connector has no tool "acme_gone"');
    expect(each('tool: acme_get, arguments: { id: x }')).toContain('(/1/compensate/tool): is a read');
    expect(each('tool: acme_undo, arguments: {}')).toContain(
      '(/1/compensate/arguments): the tool "acme_undo" needs the argument "id"',
    );
    expect(each('tool: acme_undo, arguments: { id: x, y: z }')).toContain(
      '(/1/compensate/arguments/y): the tool "acme_undo" has no such',
    );
    expect(each('tool: acme_undo, arguments: { id: $.gone }')).toContain(
      '(/1/compensate/arguments/id): there is no argument "gone"',
    );
  });

  it('names every problem of a file at once', () => {
    const message = failure(MANIFEST.replace('title: Acme', 'title: ""').replace('rotates: true', 'rotates: maybe'), TOOLS);
    expect(message).toContain(':2 (/title)');
    expect(message).toContain(':9 (/refresh/rotates)');
  });

  it('stops anchors that multiply', () => {
    const levels = Array.from(
      { length: 9 },
      (_v, i) =>
        `b${i}: &b${i} [${Array(9)
          .fill(i === 0 ? 'x' : `*b${i - 1}`)
          .join(', ')}]`,
    );
    expect(failure(`${levels.join('\n')}\n${MANIFEST}`, TOOLS)).toContain('Excessive alias count');
  });

  it('a variable can add no key, and one that is missing or unknown is told', () => {
    connector('acme', MANIFEST.replace('title: Acme', 'title: ${url}').replace('[read]', '[read]'), TOOLS);
    const url = 'https://acme.example';
    expect(() => loadCatalog(dir, { acme: { url: `${url}\nrefresh: {rotates: false}` } })).toThrow('must be an https URL');
    expect(() => loadCatalog(dir, {})).toThrow(
      'connector.yaml:3 (/variables/url): the variable "url" (where Acme listens) is not set; set it in KEYWARD_CONNECTOR_VARIABLES',
    );
    expect(() => loadCatalog(dir, { acme: { url, port: '1' } })).toThrow('the variable "port" is set but');
    expect(() => loadCatalog(dir, { acme: { url }, other: {} })).toThrow('"other", which is not here');
  });

  it('refuses the same tool in two connectors, half a connector, an empty and an absent folder', () => {
    expect(() => loadCatalog(dir, {})).toThrow('there is no connector in this folder');
    expect(() => loadCatalog(join(dir, 'no'), {})).toThrow('there is no such folder');
    connector('acme', MANIFEST, TOOLS);
    connector('bcme', MANIFEST.replace('name: acme', 'name: bcme'), TOOLS);
    const url = 'https://acme.example';
    expect(() => loadCatalog(dir, { acme: { url }, bcme: { url } })).toThrow('the connector "acme" already has a tool');
    connector('half', undefined, TOOLS);
    expect(() => loadCatalog(dir, VARIABLES)).toThrow('half/connector.yaml:1 (/): the file is missing');
  });
});
