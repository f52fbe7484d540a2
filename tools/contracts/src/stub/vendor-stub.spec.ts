import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { VendorStub } from './vendor-stub.js';

const SECRET = 'secret-of-acme-0123456789';
const MANIFEST = `name: acme\nbase_url: https://api.acme.example\norigins: ['https://api.acme.example']\n`;
const TOOLS = `
- name: acme_list
  request: { method: GET, path: /things }
  pagination: { style: cursor, items: /items, next: /next, into: { query: cursor } }
- name: acme_upload
  steps:
    - { id: start, request: { method: POST, path: /uploads, body: {} } }
    - { id: send, request: { url: $.x, method: POST } }
`;
const SAMPLES = `acme_upload: { steps: { start: { upload_url: 'https://files.acme.example/u/1' } } }`;
const schema = (properties: object) => ({ type: 'object', properties });
const answer = (properties: object) => ({
  '200': { description: '', content: { 'application/json': { schema: schema(properties) } } },
});
const servers = [{ url: 'https://api.acme.example' }];
const CONTRACT = {
  openapi: '3.1.0',
  info: { title: 'acme', version: '1', 'x-sources': [], 'x-cut': '' },
  paths: {
    '/things': {
      servers,
      get: {
        parameters: [{ name: 'cursor', in: 'query', schema: { type: 'string' } }],
        responses: answer({
          items: { type: 'array', items: schema({ id: { type: 'string', format: 'uuid' } }) },
          next: { type: 'string' },
        }),
      },
    },
    '/uploads': {
      servers,
      post: {
        requestBody: { content: { 'application/json': { schema: schema({}) } } },
        responses: answer({ upload_url: { type: 'string', format: 'uri' } }),
      },
    },
  },
  components: { schemas: {} },
};

let dir: string;
let stub: VendorStub;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-stub-'));
  mkdirSync(join(dir, 'acme'));
  const files = {
    'connector.yaml': MANIFEST,
    'tools.yaml': TOOLS,
    'samples.yaml': SAMPLES,
    'contract.json': JSON.stringify(CONTRACT),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, 'acme', name), text);
  const credential = { in: 'header', name: 'authorization', prefix: 'Bearer ' } as const;
  stub = await VendorStub.start({ dir, connector: 'acme', credential, secret: SECRET });
});
beforeEach(() => {
  stub.requests.length = 0;
});
afterAll(async () => {
  await stub.stop();
  rmSync(dir, { recursive: true });
});

const authorization = `Bearer ${SECRET}`;

async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(new URL(path, stub.origin), { headers: { authorization }, ...init });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('a vendor as its contract describes it', () => {
  it('answers what is described with data of the described shape, in two pages', async () => {
    const item = { id: '00000000-0000-4000-8000-000000000001' };
    expect(await ask('/things')).toEqual({ status: 200, body: { items: [item, item], next: 'cursor-2' } });
    expect(await ask('/things?cursor=cursor-2')).toEqual({ status: 200, body: { items: [item] } });
    expect(stub.requests.map(({ problems }) => problems)).toEqual([[], []]);
  });

  it.each<[string, string, RequestInit, string]>([
    ['without the credential', '/things', { headers: {} }, 'the credential is not in the header'],
    ['with another credential', '/things', { headers: { authorization: 'Bearer other' } }, 'the credential is not in the header'],
    ['with a parameter that is not described', '/things?fast=1', {}, 'query fast: is no parameter of this operation'],
    ['of a method that is not described', '/things', { method: 'DELETE' }, 'the description has GET there alone'],
    ['to a path that is not described', '/thing', {}, 'no operation of the description'],
  ])('refuses a request %s, says why and remembers it', async (_what, path, init, problem) => {
    const { status, body } = await ask(path, init);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain(problem);
    expect(JSON.stringify(stub.requests[0]?.problems)).toContain(problem);
  });

  it('leads to itself with the addresses it tells, and takes no credential there', async () => {
    const json = { authorization, 'content-type': 'application/json' };
    const { body } = await ask('/uploads', { method: 'POST', headers: json, body: '{}' });
    const url = String(body['upload_url']);
    expect(url.startsWith(stub.origin)).toBe(true);
    expect((await fetch(url, { method: 'POST', body: 'bytes' })).status).toBe(200);
    expect((await fetch(url, { method: 'POST', body: 'bytes', headers: { authorization } })).status).toBe(400);
    expect((await fetch(`${url}?token=${SECRET}`, { method: 'POST', body: 'bytes' })).status).toBe(400);
  });
});
