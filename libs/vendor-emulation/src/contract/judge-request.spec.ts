import { describe, expect, it } from '@jest/globals';
import type { Contract } from './contract.js';
import { judgeRequest, type SentRequest } from './judge-request.js';
import { VendorContract } from './vendor-contract.js';

const THING = '#/components/schemas/Thing';
const document: Contract = {
  openapi: '3.1.0',
  info: { title: 'acme', version: '1', 'x-sources': [], 'x-cut': '' },
  'x-undescribed': ['POST https://api.acme.example/{org}/secret'],
  paths: {
    '/things/{id}': {
      servers: [{ url: 'https://api.acme.example/{org}' }],
      get: {
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { type: 'integer' } },
          { name: 'q', in: 'query', required: true, schema: { type: 'string' } },
          { name: 'tags', in: 'query', schema: { type: 'array', items: { enum: ['a', 'b'] } }, explode: false },
          { name: 'x-version', in: 'header', required: true, schema: { enum: ['2'] } },
        ],
        responses: { '200': { description: '' } },
      },
      patch: {
        'x-null-clears': true,
        requestBody: { required: true, content: { 'application/json': { schema: { $ref: THING } } } },
        responses: { '200': { description: '' } },
      },
      post: {
        requestBody: {
          content: { 'application/x-www-form-urlencoded': { schema: { $ref: THING }, encoding: { tags: { explode: false } } } },
        },
        responses: { '200': { description: '' } },
      },
    },
    '/things/special': {
      servers: [{ url: 'https://api.acme.example/{org}' }],
      get: { responses: { '200': { description: '' } } },
    },
    '/files/{path}': {
      servers: [{ url: 'https://api.acme.example/{org}' }],
      get: {
        parameters: [{ name: 'path', in: 'path', required: true, schema: { type: 'string' }, 'x-segments': 'many' }],
        responses: { '200': { description: '' } },
      },
    },
    '/known': {
      servers: [{ url: '{instance_url}' }],
      post: { 'x-described': 'path', responses: { '200': { description: '' } } },
    },
  },
  components: {
    schemas: {
      Base: { type: 'object', properties: { kind: { type: 'string' } } },
      Thing: {
        allOf: [{ $ref: '#/components/schemas/Base' }],
        properties: {
          name: { type: 'string' },
          size: { type: 'integer' },
          parent: { $ref: THING },
          tags: { type: 'array', items: { type: 'string' } },
        },
        required: ['name'],
      },
    },
  },
};
const contract = new VendorContract(document);
const AT = 'https://api.acme.example/org1';
const headers = { 'x-version': '2' };
const json = (value: unknown) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) });
const form = (text: string) => ({ headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: text });

async function problems(method: string, url: string, more: Partial<SentRequest> = {}): Promise<readonly string[]> {
  return (await judgeRequest(contract, { method, url, headers, body: undefined, ...more })).problems;
}

describe('a request against a contract', () => {
  it.each<[string, string, Partial<SentRequest>]>([
    ['GET', `${AT}/things/5?q=x&tags=a,b`, {}],
    ['GET', `${AT}/things/special`, {}],
    ['GET', `${AT}/files/a/b/c.txt`, {}],
    ['PATCH', `${AT}/things/5`, json({ name: 'x', kind: 'y', parent: { name: 'z' }, size: null })],
    ['POST', `${AT}/things/5`, form('name=5&size=7&tags=a,b')],
    ['POST', 'https://anywhere.example/known', json({ any: 'thing' })],
  ])('passes: %s %s', async (method, url, more) => {
    expect(await problems(method, url, more)).toEqual([]);
  });

  it.each<[string, string, Partial<SentRequest>, string]>([
    ['GET', `${AT}/things`, {}, 'no operation of the description'],
    ['GET', `https://other.example/org1/things/5?q=x`, {}, 'no operation of the description'],
    ['DELETE', `${AT}/things/5`, {}, 'the description has GET, POST, PATCH there alone'],
    ['GET', `${AT}/things/five?q=x`, {}, 'path id: (the whole): must be integer'],
    ['GET', `${AT}/things/5`, {}, 'query q: is required'],
    ['GET', `${AT}/things/5?q=x&p=1`, {}, 'query p: is no parameter of this operation'],
    ['GET', `${AT}/things/5?q=x&tags=a,c`, {}, 'query tags: /1: must be equal to one of the allowed values'],
    ['GET', `${AT}/things/5?q=x`, { headers: {} }, 'header x-version: is required'],
    ['GET', `${AT}/things/5?q=x`, json({ name: 'x' }), 'body: this operation takes none'],
    ['PATCH', `${AT}/things/5`, {}, 'body: is required'],
    ['PATCH', `${AT}/things/5`, form('name=x'), 'body: is application/x-www-form-urlencoded, and must be application/json'],
    ['PATCH', `${AT}/things/5`, json({}), "body (the whole): must have required property 'name'"],
    ['PATCH', `${AT}/things/5`, json({ name: 'x', sise: 1 }), 'body (the whole): must NOT have unevaluated properties ("sise")'],
    [
      'PATCH',
      `${AT}/things/5`,
      json({ name: 'x', parent: { name: 'y', sise: 1 } }),
      'body /parent: must NOT have unevaluated properties',
    ],
    ['PATCH', `${AT}/things/5`, json({ name: 'x', size: '1' }), 'body /size: must be integer'],
    ['POST', `${AT}/things/5`, form('name=x&size=big'), 'body /size: must be integer'],
  ])('tells what is wrong: %s %s %j', async (method, url, more, problem) => {
    expect((await problems(method, url, { headers, ...more })).join('\n')).toContain(problem);
  });

  it('takes the most literal address of several', async () => {
    const { operation } = await judgeRequest(contract, { method: 'GET', url: `${AT}/things/special`, headers, body: undefined });
    expect(operation?.path).toBe('/things/special');
  });

  it('knows the same paths at another origin, where that is said', async () => {
    const request = { method: 'GET', url: 'http://127.0.0.1:1/org1/things/5?q=x', headers, body: undefined };
    expect((await judgeRequest(contract, request)).problems).toHaveLength(1);
    expect((await judgeRequest(contract, request, true)).problems).toEqual([]);
  });

  it('knows what is known to be described nowhere', () => {
    expect(contract.isKnownUndescribed('POST', `${AT}/secret`, false)).toBe(true);
    expect(contract.isKnownUndescribed('GET', `${AT}/secret`, false)).toBe(false);
    expect(contract.isKnownUndescribed('POST', '/org1/secret', true)).toBe(true);
  });
});
