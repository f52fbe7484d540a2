import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { World } from '../../test/world.js';

const TOOLS = [
  {
    name: 'listNotes',
    description: 'Lists notes.',
    inputSchema: { type: 'object', properties: { 'a.b': { type: 'string' } } },
    annotations: { readOnlyHint: true },
  },
  {
    name: 'notes-add',
    title: 'Add a note',
    inputSchema: {
      type: 'object',
      properties: { note: { $ref: '#/$defs/note' } },
      required: ['note'],
      $defs: { note: { type: 'object', properties: { text: { type: 'string', pattern: '(a+)+$' } } } },
    },
    annotations: { destructiveHint: false },
  },
  { name: 'whatever', inputSchema: { type: 'object' } },
  { name: 'odd', inputSchema: { type: 'object', properties: { $expr: {} } } },
];

let world: World;
let seen: (string | undefined)[];
/** What is answered to whoever brings no token; undefined: as to everybody. */
let challenge: string | undefined;
const server = createServer((request, response) => {
  seen.push(request.headers.authorization);
  if (challenge !== undefined && request.headers.authorization !== 'Bearer the-token') {
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return;
  }
  if (request.method !== 'POST') return void response.writeHead(405).end();
  let body = '';
  request.on('data', (chunk) => (body += String(chunk)));
  request.on('end', () => {
    const { id, method, params } = JSON.parse(body) as {
      id?: unknown;
      method: string;
      params?: { cursor?: string; protocolVersion?: string };
    };
    if (id === undefined) return void response.writeHead(202).end();
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ jsonrpc: '2.0', id, ...answerTo(method, params) }));
  });
});

/** Two tools a page. */
function answerTo(method: string, params: { cursor?: string } | undefined): object {
  if (method === 'initialize')
    return {
      result: {
        protocolVersion: '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: 'acme', title: 'Acme notes', version: '1' },
      },
    };
  if (method !== 'tools/list') return { error: { code: -32601, message: 'no such method' } };
  return { result: params?.cursor === 'two' ? { tools: TOOLS.slice(2) } : { tools: TOOLS.slice(0, 2), nextCursor: 'two' } };
}

let url: string;
beforeEach(async () => {
  [world, seen, challenge] = [new World(), [], undefined];
  if (!server.listening) await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
});
afterEach(async () => {
  world.remove();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('an MCP server', () => {
  it('becomes tools of all its pages, with the effect that it says, or the worst', async () => {
    const result = await world.import('', { source: url });
    expect(world.tools().map(({ name, effect, title }) => `${name} ${effect} ${title}`)).toEqual([
      'acme_list_notes read listNotes',
      'acme_add_notes write Add a note',
      'acme_run_whatever destructive whatever',
    ]);
    expect(result.leftOut).toEqual([{ operation: 'tool odd', place: '/tools/3', reason: 'it has an argument "$expr"' }]);
    expect(world.yaml('acme/connector.yaml')).toMatchObject({
      title: 'Acme notes',
      auth: { kind: 'none' },
      base_url: new URL(url).origin,
    });
    const [step] = world.tool('acme_list_notes').steps;
    const scope = {
      args: { a_b: 'x' },
      steps: {},
      key: 'k',
      connection: {},
      provider: world.tool('acme_list_notes').provider,
      item: undefined,
    };
    expect([step?.mcp?.tool, await step?.mcp?.arguments(scope)]).toEqual(['listNotes', { 'a.b': 'x' }]);
    expect(world.tool('acme_add_notes').inputSchema['properties']).toEqual({
      note: { type: 'object', properties: { text: { type: 'string' } } },
    });
    expect((await world.import('', { source: url })).files).toEqual([]);
  });

  it.each([
    ['mcp_oauth2', 'Bearer resource_metadata="https://acme.example/.well-known/oauth-protected-resource"'],
    ['api_key', 'Bearer'],
  ])('that wants a token is asked with one, and is then of the kind %s', async (kind, header) => {
    challenge = header;
    await expect(world.import('', { source: url })).rejects.toMatchObject({ next: expect.stringContaining('--token-env') });
    expect(seen).toEqual([undefined]);
    await world.import('', { source: url, token: 'the-token' });
    expect(world.yaml<{ auth: { kind: string } }>('acme/connector.yaml').auth.kind).toBe(kind);
    expect(
      ['connector.yaml', 'tools.yaml', 'review.yaml', '.import.json'].map((file) => world.read(`acme/${file}`)).join(),
    ).not.toContain('the-token');
  });

  it('that is not one is told as such', async () => {
    await expect(world.import('', { source: 'http://127.0.0.1:1/mcp' })).rejects.toThrow('does not answer');
    await expect(world.import('', { source: 'http://api.acme.example/mcp' })).rejects.toThrow('must be https');
    await expect(world.import('', { source: 'https://a:b@api.acme.example/mcp' })).rejects.toThrow('a user name or a password');
  });
});
