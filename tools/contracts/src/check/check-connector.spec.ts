import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkContracts, print } from './check.js';

const MANIFEST = `name: acme
title: Acme
documentation: https://docs.acme.example
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: https://acme.example/auth
  token_endpoint: https://acme.example/token
  scopes: { default: [read], descriptions: { read: Read your things } }
base_url: https://api.acme.example
origins: ['https://api.acme.example']
`;
const TOOL = `- name: acme_create
  title: Create
  description: Creates a thing.
  effect: write
  scopes: [read]
  input: { type: object, properties: { name: { type: string }, size: { type: integer } }, required: [name] }
  request: { method: POST, path: /things, body: { name: $.name, size: $.size } }
  output: { select: '{"id": id}', schema: { type: object, properties: { id: { type: string } }, required: [id] } }
`;
const CONTRACT = {
  openapi: '3.1.0',
  info: { title: 'acme', version: '1', 'x-sources': [], 'x-cut': '' },
  paths: {
    '/things': {
      servers: [{ url: 'https://api.acme.example' }],
      post: {
        requestBody: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } },
        responses: {
          '201': { description: '', content: { 'application/json': { schema: { $ref: '#/components/schemas/Made' } } } },
        },
      },
    },
  },
  components: {
    schemas: {
      Thing: { type: 'object', properties: { name: { type: 'string' }, size: { type: 'integer' } }, required: ['name'] },
      Made: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
    },
  },
};

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-check-contracts-'));
  mkdirSync(join(dir, 'acme'));
  writeFileSync(join(dir, 'acme', 'connector.yaml'), MANIFEST);
});
afterEach(() => rmSync(dir, { recursive: true }));

async function check(tools: string, options: { contract?: object | null; samples?: string } = {}): Promise<string[]> {
  const { contract = CONTRACT, samples } = options;
  writeFileSync(join(dir, 'acme', 'tools.yaml'), tools);
  if (contract !== null) writeFileSync(join(dir, 'acme', 'contract.json'), JSON.stringify(contract));
  if (samples !== undefined) writeFileSync(join(dir, 'acme', 'samples.yaml'), samples);
  const lines: string[] = [];
  print(await checkContracts(dir, ['acme']), (line) => lines.push(line));
  return lines;
}

describe('the check of a connector', () => {
  it('finds nothing wrong in what is as described, and says how much it checked', async () => {
    expect(await check(TOOL)).toEqual(['acme: 1 tools, 1 checked, 0 by method and path, 0 without description, 0 with problems']);
  });

  it.each<[string, string, string]>([
    [
      'a path',
      TOOL.replace('path: /things', 'path: /thing'),
      'POST https://api.acme.example/thing: no operation of the description',
    ],
    ['a method', TOOL.replace('POST', 'PUT'), 'the description has POST there alone'],
    ['a query', TOOL.replace('body:', 'query: { fast: true }, body:'), 'query fast: is no parameter of this operation'],
    ['a member', TOOL.replace('size: $.size', 'sise: $.size'), 'must NOT have unevaluated properties ("sise")'],
    ['a type', TOOL.replace('size: { type: integer }', 'size: { type: string }'), 'body /size: must be integer'],
    [
      'no body',
      TOOL.replace(', body: { name: $.name, size: $.size }', ', query: { name: $.name, size: $.size }'),
      'body: is required',
    ],
    ['an output', TOOL.replace('{"id": id}', '{"id": identifier}'), "output : must have required property 'id'"],
  ])('points at %s that the vendor does not have', async (_what, tools, problem) => {
    const lines = await check(tools);
    expect(lines[0]).toContain('1 with problems');
    expect(lines.find((line) => line.includes(problem))).toMatch(/^connectors\/acme\/tools\.yaml:1 acme_create: /);
  });

  it('sends every argument once, those that exclude each other apart', async () => {
    const input = `{ type: object, properties: { a: { type: string }, b: { type: string } }, oneOf: [{ required: [a] }, { required: [b] }] }`;
    const tools = TOOL.replace(/ {2}input: .*/, `  input: ${input}`).replace(
      '{ name: $.name, size: $.size }',
      '{ name: $.a, nam: $.b }',
    );
    expect((await check(tools)).join('\n')).toContain('("nam")');
  });

  it('takes no sample that the vendor would not answer', async () => {
    const lines = await check(TOOL, { samples: 'acme_create: { steps: { request: { id: 5 } } }' });
    expect(lines.join('\n')).toContain("the sample's answer /id: must be string");
  });

  it('wants the page and the day of what no description lists', async () => {
    expect((await check(TOOL, { contract: null })).join('\n')).toContain('`documentation` and `checked` must say');
    const cited = `${TOOL}  documentation: https://docs.acme.example/create\n  checked: 2026-01-02\n`;
    const lines = await check(cited, { contract: null, samples: 'acme_create: { steps: { request: { id: x } } }' });
    expect(lines).toEqual([
      'acme: 1 tools, 0 checked, 0 by method and path, 1 without description, 0 with problems',
      '  acme_create: https://docs.acme.example/create (2026-01-02)',
    ]);
  });
});
