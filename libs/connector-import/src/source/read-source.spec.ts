import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ok, openApi, World } from '../../test/world.js';
import { boundedFetch } from './bounded-fetch.js';

const DESCRIPTION = openApi({ '/x': { get: ok() } }, { servers: [{ url: '/v1' }] });

let world: World;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const server = createServer((request, response) => answer(request, response));
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => void (world = new World()));
afterEach(() => world.remove());

describe('a source at an address', () => {
  it('is read there, and says where the API is relative to it', async () => {
    answer = (request, response) => {
      if (request.url === '/old.json') response.writeHead(302, { location: '/api/new.json' }).end();
      else response.end(JSON.stringify(DESCRIPTION));
    };
    await world.import('', { source: `${url}/old.json` });
    expect(world.yaml('acme/connector.yaml')['base_url']).toBe(`${url}/v1`);
  });

  it.each<[string, typeof answer, string]>([
    ['that is not there', (_request, response) => void response.writeHead(404).end(), 'answers with status 404'],
    [
      'that sends us on for ever',
      (_request, response) => void response.writeHead(302, { location: '/' }).end(),
      'again and again',
    ],
    [
      'that sends us to plain http',
      (_request, response) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      'only https is',
    ],
    [
      'that sends us to a file',
      (_request, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'only https is',
    ],
    [
      'that is a page for people',
      (_request, response) => void response.end('<html><body>API</body></html>'),
      'neither an OpenAPI',
    ],
  ])('%s is refused', async (_what, answers, detail) => {
    answer = answers;
    await expect(world.import('', { source: `${url}/openapi.json` })).rejects.toThrow(detail);
  });

  it('is read as far as it may be, and no credential follows it elsewhere', async () => {
    answer = (_request, response) => void response.end('x'.repeat(1000));
    await expect(boundedFetch(url, 999)).rejects.toThrow('larger than 999 bytes');
    expect((await boundedFetch(url, 1000)).bytes).toHaveLength(1000);
    answer = (_request, response) => void response.writeHead(307, { location: 'https://evil.example/' }).end();
    await expect(boundedFetch(url, 1000, { headers: { Authorization: 'Bearer x' } })).rejects.toThrow(
      'sends us on to https://evil.example',
    );
    await expect(boundedFetch(url, 1000, { method: 'POST', body: 'x' })).rejects.toThrow('sends us on to https://evil.example');
  });
});

describe('a source in a file', () => {
  it('may be YAML, or packed', async () => {
    const yaml =
      'openapi: 3.0.3\ninfo: { title: Acme }\nservers: [{ url: https://api.acme.example }]\npaths:\n  /x: { get: { responses: { 200: { description: ok } } } }\n';
    const first = await world.import(yaml, { file: 'a.yaml' });
    expect([first.source, first.imported]).toEqual(['OpenAPI 3.0.3', 1]);
    const packed = world.write('a.json.gz', '');
    writeFileSync(packed, gzipSync(JSON.stringify(openApi({ '/x': { get: ok() } }))));
    expect((await world.import('', { source: packed, name: 'packed' })).imported).toBe(1);
    writeFileSync(packed, Buffer.from([0x1f, 0x8b, 1, 2, 3]));
    await expect(world.import('', { source: packed })).rejects.toThrow('can not be unpacked');
  });
});
