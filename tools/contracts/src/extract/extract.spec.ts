import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { buildSchema, parse, validate } from 'graphql';
import type { Method } from '@keyward/vendor-emulation';
import { readSources, type SourceFile } from '../sources/vendor-source.js';
import type { DeclaredRequest } from './declared-requests.js';
import { extractGraphql } from './extract-graphql.js';
import { extractRest } from './extract-rest.js';
import { writeContract } from './write-contract.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-specs-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const DEFAULTS = {
  prefix: '',
  answers_only: false,
  derived: {},
  read_as: {},
  nodes: {},
  headers: [],
  corrections: [],
  anything: [],
};

function extract(document: object, source: Partial<SourceFile>, ...asked: string[]) {
  writeFileSync(join(dir, 'a.json.gz'), gzipSync(JSON.stringify(document)));
  const file: SourceFile = { ...DEFAULTS, file: 'a.json.gz', format: 'openapi', date: '2026', licence: 'MIT', ...source };
  return extractRest('acme', dir, [file], asked.map(request));
}

function request(asked: string): DeclaredRequest {
  const [method = '', address = ''] = asked.split(' ');
  return { tool: 't', id: 'request', kind: 'http', method: method.toLowerCase() as Method, address, document: undefined };
}

const at = 'https://a.example';
const openapi = {
  paths: {
    '/things/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, description: 'prose', schema: { type: 'string' } }],
      get: {
        summary: 'prose',
        responses: {
          200: { description: 'prose', content: { 'application/json': { schema: { $ref: '#/components/schemas/A' } } } },
        },
      },
      delete: { responses: { 204: { description: 'prose' } } },
    },
    '/unused': { get: { responses: {} } },
  },
  components: {
    schemas: {
      A: { properties: { b: { $ref: '#/components/schemas/B' } } },
      B: { properties: { c: { $ref: '#/components/schemas/C' } } },
      C: { properties: { d: { $ref: '#/components/schemas/D' } } },
      D: { properties: { e: { $ref: '#/components/schemas/E' } } },
      E: {},
      Unused: {},
    },
  },
};

describe('an extract', () => {
  it('holds what is used, as deep as answers are read, without prose, and where it comes from', () => {
    const { contract, missing } = extract(openapi, { server: at }, `GET ${at}/things/{thing}`, `POST ${at}/others`);
    expect(missing.map(({ address }) => address)).toEqual([`${at}/others`]);
    expect(contract['x-undescribed']).toEqual([`POST ${at}/others`]);
    expect(Object.keys(contract.paths)).toEqual(['/things/{id}']);
    expect(Object.keys(contract.paths['/things/{id}'] ?? {})).toEqual(['servers', 'get']);
    expect(Object.keys(contract.components.schemas)).toEqual(['A', 'B', 'C']);
    expect(contract.components.schemas['C']).toEqual({ properties: { d: {} } });
    expect(contract.info['x-sources']).toEqual([
      { file: 'a.json.gz', sha256: expect.stringMatching(/^[0-9a-f]{64}$/), date: '2026', licence: 'MIT' },
    ]);
    expect(writeContract(contract)).not.toContain('prose');
    expect(JSON.parse(writeContract(contract))).toEqual(contract);
  });

  it('is the same text whatever the order of the tools', () => {
    const asked = [`GET ${at}/things/{x}`, `DELETE ${at}/things/{x}`];
    const one = extract(openapi, { server: at }, ...asked).contract;
    const other = extract(openapi, { server: at }, ...asked.reverse()).contract;
    expect(Object.keys(one.components.schemas)).toEqual(Object.keys(other.components.schemas));
    expect(one.paths).toEqual(other.paths);
  });

  it('keeps the tool’s path where it says more, or where the service takes it for another', () => {
    const { contract } = extract(
      openapi,
      { server: at, read_as: { '^/mine$': '/things/{id}' } },
      `GET ${at}/things/me`,
      `GET ${at}/mine`,
    );
    expect(Object.keys(contract.paths)).toEqual(['/mine', '/things/me']);
    expect(contract.paths['/mine']?.get).toMatchObject({ 'x-described-as': 'GET /things/{id}' });
    expect(contract.paths['/things/me']?.get?.parameters).toBeUndefined();
  });

  it('of Google’s discovery: flat paths, repeated parameters, uploads', () => {
    const method = {
      ...{ httpMethod: 'POST', path: 'files', flatPath: 'files', request: { $ref: 'File' }, response: { $ref: 'File' } },
      parameters: { ids: { type: 'string', location: 'query', repeated: true } },
      mediaUpload: { protocols: { simple: { path: '/upload/drive/v3/files' } } },
    };
    const document = {
      ...{ rootUrl: `${at}/`, servicePath: 'drive/v3/', parameters: { fields: { type: 'string', location: 'query' } } },
      ...{
        resources: { files: { methods: { create: method } } },
        schemas: { File: { id: 'File', properties: { size: { type: 'string', format: 'int64' } } } },
      },
    };
    const { contract } = extract(
      document,
      { format: 'discovery' },
      `POST ${at}/drive/v3/files`,
      `POST ${at}/upload/drive/v3/files`,
    );
    expect(contract.paths['/drive/v3/files']?.post?.parameters).toEqual([
      { name: 'ids', in: 'query', schema: { type: 'array', items: { type: 'string' } } },
      { name: 'fields', in: 'query', schema: { type: 'string' } },
    ]);
    expect(contract.paths['/upload/drive/v3/files']?.post?.requestBody?.content).toHaveProperty('*/*');
  });

  it('of Slack’s methods: arguments in the query or a body, the credential in neither', () => {
    const document = {
      methods: { 'chat.post': { schema: '#/definitions/X' } },
      definitions: {
        X: {
          type: 'object',
          properties: { token: { type: 'string' }, text: { type: 'string' } },
          required: ['text'],
          additionalProperties: false,
        },
      },
    };
    const { contract } = extract(document, { format: 'methods', server: at }, `GET ${at}/chat.post`, `POST ${at}/chat.post`);
    expect(contract.paths['/chat.post']?.get?.parameters).toEqual([
      { name: 'text', in: 'query', required: true, schema: { type: 'string' } },
    ]);
    expect(contract.components.schemas['X']).toMatchObject({ properties: { text: {} } });
    expect(JSON.stringify(contract)).not.toContain('token');
  });

  it('of GraphQL: the types, fields and inputs that documents use, as a schema that is valid', () => {
    const sdl = `"""prose""" type Query { issues(filter: F, first: Int): [Issue!]! other: Other }
      type Issue { id: ID! title: String owner: Other } type Other { id: ID! }
      input F { id: C team: T } input C { eq: ID } input T { deep: D } input D { deeper: F }`;
    const used = 'query($f: F) { issues(filter: $f) { id } }';
    const text = extractGraphql(sdl, [used], { file: 'a', sha256: 'b', date: 'c', licence: 'MIT' });
    const schema = buildSchema(text);
    expect(validate(schema, parse(used))).toEqual([]);
    expect(validate(schema, parse('{ issues { title } }'))).toHaveLength(1);
    expect(text).not.toMatch(/prose|type Other|title/);
  });

  it('is known by sources.yaml for every vendor that is described', () => {
    expect(Object.keys(readSources())).toEqual([
      ...['asana', 'figma', 'github', 'google_workspace', 'hubspot', 'instagram', 'jira', 'linear', 'microsoft_365'],
      ...['notion', 'salesforce', 'slack', 'trello'],
    ]);
  });
});
