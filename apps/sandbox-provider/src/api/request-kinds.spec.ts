import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MANAGEMENT_TOKEN, sandboxConfig } from '../../test/config.js';
import { startSandbox, type Sandbox } from '../server.js';

let sandbox: Sandbox;
let token: string;
let reader: string;

async function manage(path: string, body: unknown) {
  const headers = { authorization: `Bearer ${MANAGEMENT_TOKEN}`, 'content-type': 'application/json' };
  const response = await fetch(`${sandbox.url}/sandbox/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as { client_id: string; tokens: { access_token: string }[] };
}

beforeAll(async () => {
  sandbox = await startSandbox(sandboxConfig);
  const { client_id } = await manage('clients', { redirect_uris: ['https://keyward.example/callback'] });
  const issue = async (scope?: string) =>
    (await manage('tokens/issue', { client_id, user: 'ada', ...(scope && { scope }) })).tokens[0]?.access_token ?? '';
  [token, reader] = await Promise.all([issue(), issue('notes:read')]);
});
afterAll(() => sandbox.close());

const bearer = () => ({ authorization: `Bearer ${token}` });
const at = (path: string) => (path.startsWith('http') ? path : `${sandbox.url}/api/${path}`);

async function json(path: string, init: RequestInit = {}): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(at(path), { ...init, headers: { ...bearer(), ...init.headers } });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

const post = (path: string, body: unknown, as = token) =>
  json(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${as}` },
  });

describe('a listing goes on', () => {
  it('by a cursor, a page, an offset, a Link header and an address', async () => {
    const cursor = (await json('listing/cursor?total=12')).body as { data: object[]; paging: { next: string } };
    expect(cursor.data).toHaveLength(10);
    expect((await json(`listing/cursor?total=12&cursor=${cursor.paging.next}`)).body).toEqual({
      data: [
        { id: 11, name: 'Item 11' },
        { id: 12, name: 'Item 12' },
      ],
      paging: {},
    });
    expect((await json('listing/page?total=3&per_page=2&page=2')).body).toEqual({
      results: [{ id: 3, name: 'Item 3' }],
      has_more: false,
    });
    expect((await json('listing/offset?total=3&count=2&offset=2')).body).toEqual([{ id: 3, name: 'Item 3' }]);
    const { headers } = await json('listing/link?total=3&per_page=2');
    expect(headers.get('link')).toBe(`<${at('listing/link')}?total=3&per_page=2&page=2>; rel="next"`);
    const url = (await json('listing/url?total=3&per_page=2')).body as { '@next': string };
    expect((await json(url['@next'])).body).toEqual({ value: [{ id: 3, name: 'Item 3' }] });
  });

  it('nowhere for a cursor that it never gave, or without a token', async () => {
    expect((await json('listing/cursor?cursor=abc')).status).toBe(400);
    expect((await fetch(at('listing/link'))).status).toBe(401);
  });
});

describe('content', () => {
  it('of a form and of a form with files is told back', async () => {
    const form = await json('form', { method: 'POST', body: new URLSearchParams({ a: '1', b: 'x y&z' }) });
    expect(form.body).toMatchObject({ fields: { a: '1', b: 'x y&z' } });
    const files = new FormData();
    files.set('title', 'a "title"');
    files.set('file', new File([Buffer.from([0, 255])], 'a.bin', { type: 'image/png' }));
    expect((await json('multipart', { method: 'POST', body: files })).body).toEqual({
      parts: [
        { name: 'title', value: 'a "title"' },
        { name: 'file', filename: 'a.bin', type: 'image/png', bytes: 2, base64: 'AP8=' },
      ],
    });
    expect((await json('multipart', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } })).status).toBe(400);
  });

  it('of a file comes back as it was left, by its own name or at an address for it', async () => {
    const bytes = new Uint8Array([0, 255, 1]);
    await json('files/a.bin', { method: 'PUT', body: bytes, headers: { 'content-type': 'image/png' } });
    const read = await fetch(at('files/a.bin'), { headers: bearer() });
    expect([read.headers.get('content-type'), new Uint8Array(await read.arrayBuffer())]).toEqual(['image/png', bytes]);
    expect((await json('files/none')).status).toBe(404);

    const { uploadUrl } = (await post('uploads', { name: 'b.txt', type: 'text/plain' })).body as { uploadUrl: string };
    expect((await json(uploadUrl, { method: 'PUT', body: 'hello' })).body).toMatchObject({ error: 'credential_leaked' });
    expect(await (await fetch(uploadUrl, { method: 'PUT', body: 'hello' })).json()).toMatchObject({ name: 'b.txt', size: 5 });
    expect((await fetch(uploadUrl, { method: 'PUT', body: 'again' })).status).toBe(404);
    expect(await (await fetch(at('files/b.txt'), { headers: bearer() })).text()).toBe('hello');
  });
});

describe('a draft', () => {
  it('is published once it is ready, and once', async () => {
    const { id } = (await post('drafts', { title: 'Ready', looks: 1 })).body as { id: string };
    expect((await post(`drafts/${id}/publish`, {})).status).toBe(409);
    expect((await json(`drafts/${id}`)).body).toEqual({ id, status: 'IN_PROGRESS' });
    expect((await json(`drafts/${id}`)).body).toEqual({ id, status: 'READY' });
    expect((await post(`drafts/${id}/publish`, {})).body).toMatchObject({ published: { note: { title: 'Ready' } } });
    expect((await post(`drafts/${id}/publish`, {})).status).toBe(409);
  });
});

describe('a failure', () => {
  it('is told with status 200 where that is ordered, so often', async () => {
    const failing = 'envelope?error=ratelimited&detail=Slow&times=1&key=once';
    expect((await json(failing)).body).toEqual({ ok: false, error: 'ratelimited', detail: 'Slow' });
    expect((await json(failing)).body).toEqual({ ok: true });
  });
});

describe('GraphQL', () => {
  it('lists and writes notes, and says in errors what it can not do', async () => {
    const creation = 'mutation ($title: String!) { createNote(title: $title) { id title } }';
    expect((await post('graphql', { query: creation, variables: { title: 'G' } })).body).toMatchObject({
      data: { createNote: { title: 'G' } },
    });
    const listing = await post('graphql', { query: '{ notes(first: 1) { nodes { title } pageInfo { hasNextPage } } }' });
    expect(listing.body).toMatchObject({ data: { notes: { nodes: [{ title: 'G' }], pageInfo: { hasNextPage: true } } } });
    expect(await post('graphql', { query: creation, variables: { title: 'G' } }, reader)).toMatchObject({
      status: 200,
      body: { data: null, errors: [{ message: 'This needs the scope notes:write.' }] },
    });
    expect((await post('graphql', { query: '{ nope }' })).body).toMatchObject({ errors: [{}] });
  });
});
