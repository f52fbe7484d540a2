import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { HostileServer } from '@keyward/testing/hostile-server';
import { Call } from '../../apps/tool-executor/src/execute/call.js';
import { execute } from '../../apps/tool-executor/src/execute/execute.js';
import { CONNECTOR } from './acme.js';
import { Workbench } from './workbench.js';

const TOKEN = 'access-token-of-generation-1';

const TOOLS = `
- name: press_list
  title: List
  description: A tool of the tests.
  effect: read
  input: { type: object, properties: {} }
  request: { method: GET, path: /things }
  pagination: { style: cursor, items: /items, next: /next, into: { query: cursor }, size: { into: { query: size }, max: 10, default: 30 } }
- name: press_linked
  title: Linked
  description: A tool of the tests.
  effect: read
  input: { type: object, properties: {} }
  request: { method: GET, path: /things }
  pagination: { style: url, items: /items, next: /next }
- name: press_publish
  title: Publish
  description: A tool of the tests.
  effect: write
  input: { type: object, properties: { title: { type: string }, quietly: { type: boolean } }, required: [title] }
  steps:
    - { id: draft, repeatable: true, request: { method: POST, path: /drafts, body: { title: $.title } } }
    - { id: ready, request: { method: GET, path: '/drafts/{id}', params: { id: $steps.draft.id } }, until: { check: ready, every_ms: 100, at_most: 3 } }
    - { id: publish, request: { method: POST, path: '/drafts/{id}/publish', params: { id: $steps.draft.id }, body: {} } }
    - { id: announce, when: $not(quietly = true), request: { method: POST, path: /announcements, body: { of: $steps.publish.number } } }
  output: { select: '{"number": $steps.publish.number, "announced": said}' }
- name: press_series
  title: Series
  description: A tool of the tests.
  effect: write
  input: { type: object, properties: { titles: { type: array, items: { type: string } } }, required: [titles] }
  steps:
    - { id: drafts, for_each: titles, request: { method: POST, path: /drafts, body: { title: $item } } }
    - { id: ready, for_each: $steps.drafts, request: { method: GET, path: '/drafts/{id}', params: { id: $item.id } }, until: { check: ready, every_ms: 100, at_most: 3 } }
    - { id: publish, request: { method: POST, path: /series, body: { of: { $expr: '[$steps.drafts.id]' } } } }
- name: press_label
  title: Label
  description: A tool of the tests.
  effect: write
  input: { type: object, properties: { label: { type: string } }, required: [label] }
  steps:
    - { id: set, repeatable: true, request: { method: PUT, path: /label, body: { label: $.label } } }
- name: press_leave
  title: Leave
  description: A tool of the tests.
  effect: write
  input: { type: object, properties: { text: { type: string } }, required: [text] }
  steps:
    - { id: opened, repeatable: true, request: { method: POST, path: /uploads, body: {} } }
    - { id: left, request: { method: PUT, url: $steps.opened.url, upload: { content: $.text, type: text/plain } } }
`;

type Route = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.start();
});
beforeEach(() => {
  bench.reset();
  const url = bench.upstream.origin;
  bench.deploy(
    'press',
    CONNECTOR.replaceAll('${url}', url)
      .replace('name: acme', 'name: press')
      .replace(/variables: .*\n/, ''),
    TOOLS,
  );
});
afterAll(() => bench.stop());

const json = (response: ServerResponse, value: unknown, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

/** By the request's line, such as `POST /drafts`; a list answers in turn, its last entry for good. */
function routes(table: Record<string, Route | Route[]>): void {
  const counts = new Map<string, number>();
  bench.upstream.answer = (request, response, body) => {
    const line = `${request.method} ${(request.url ?? '').replace('/api', '').replace(/\?.*/, '')}`;
    const route = table[line];
    if (route === undefined) return void json(response, { message: `no ${line}` }, 404);
    const count = counts.get(line) ?? 0;
    counts.set(line, count + 1);
    const list = Array.isArray(route) ? route : [route];
    list[Math.min(count, list.length - 1)]?.(request, response, body);
  };
}

const lines = () => bench.upstream.requests.map(({ method, url }) => `${method} ${url.replace('/api', '')}`);
const fails =
  (status: number): Route =>
  (_request, response) =>
    json(response, { why: 'so' }, status);
const resets: Route = (request) => request.socket.destroy();

/** `count` items of the listing at a time, `bytes` each, for ever. */
const endless =
  (count: number, bytes = 10): Route =>
  (request, response) => {
    const from = Number(new URL(request.url ?? '', 'http://x').searchParams.get('cursor') ?? 0);
    const items = Array.from({ length: count }, (_, index) => ({ id: from + index, text: 'x'.repeat(bytes) }));
    json(response, { items, next: String(from + Math.max(count, 1)) });
  };

interface Listing {
  items: { id: number }[];
  nextCursor: string | null;
}

describe('the pages of a listing', () => {
  const list = (args: Record<string, unknown> = {}, more: { timeoutMs?: number } = {}) =>
    bench.call('press_list', { arguments: args, ...more });

  it('are no larger than what is still wanted', async () => {
    bench.upstream.answer = endless(10);
    const result = await list({ limit: 12 });
    expect((result.output as Listing).items).toHaveLength(12);
    expect(lines()).toEqual(['GET /things?size=10', 'GET /things?size=2&cursor=10']);
  });

  it('end before the deadline, and the cursor goes on where they ended', async () => {
    let pages = 0;
    bench.upstream.answer = (request, response, body) => {
      pages += 1;
      if (pages < 3) endless(10)(request, response, body);
      else setTimeout(() => endless(10)(request, response, body), 300);
    };
    const result = await list({ limit: 1000 }, { timeoutMs: 800 });
    expect(result).toMatchObject({ state: 'succeeded' });
    const { items, nextCursor } = result.output as Listing;
    bench.upstream.answer = endless(10);
    const next = (await list({ limit: 1, cursor: nextCursor })).output as Listing;
    expect(next.items[0]?.id).toBe(items.length);
  });

  it('end where there is no room for more, and the cursor names the page that had none', async () => {
    bench.upstream.answer = endless(10, 4_000);
    const { items, nextCursor } = (await list({ limit: 100 })).output as Listing;
    expect(items).toHaveLength(20);
    const next = (await list({ limit: 1, cursor: nextCursor })).output as Listing;
    expect(next.items[0]?.id).toBe(20);
  });

  it('are too large where the first one alone is', async () => {
    bench.upstream.answer = endless(10, 20_000);
    expect(await list({ limit: 10 })).toMatchObject({ state: 'failed', error: { code: 'response_too_large' } });
  });

  it('are followed so far and no further where a provider gives empty ones for ever', async () => {
    bench.upstream.answer = endless(0);
    const { items, nextCursor } = (await list()).output as Listing;
    expect([items.length, bench.upstream.requests.length]).toEqual([0, 100]);
    expect(nextCursor).not.toBeNull();
  });

  it('that fail for a passing reason leave those before them, with the cursor for the rest', async () => {
    routes({ 'GET /things': [endless(10), fails(429)] });
    const { items, nextCursor } = (await list()).output as Listing;
    expect(items).toHaveLength(10);
    routes({ 'GET /things': fails(429) });
    expect((await list({ cursor: nextCursor })).error?.code).toBe('rate_limited');
    routes({ 'GET /things': [endless(10), fails(400)] });
    expect((await list()).error?.code).toBe('provider_error');
  });

  it('end at once with a disconnection', async () => {
    const call = new Call(bench.request('press_list', { arguments: {} }));
    routes({ 'GET /things': [endless(10), () => call.abort(new KeywardError('revoked', 'It was disconnected.'))] });
    expect((await execute(bench.parts, call)).error?.code).toBe('revoked');
  });

  it.each([
    'https://evil.example/api/things?page=2',
    'http://127.0.0.1:1/api/things?page=2',
    '/other?page=2',
    'http://user:pass@127.0.0.1/api/things?p=2',
    'http:///api/things',
  ])('never lead to %s', async (next) => {
    bench.upstream.answer = (_request, response) => json(response, { items: [1], next });
    expect((await bench.call('press_linked', { arguments: {} })).error?.code).toBe('provider_error');
    expect(bench.upstream.requests).toHaveLength(1);
  });
});

describe('the steps of a tool', () => {
  const publish = (more: Parameters<Workbench['call']>[1] = {}) =>
    bench.call('press_publish', { arguments: { title: 'T' }, ...more });
  const draft: Route = (_request, response) => json(response, { id: 'd1' });
  const ready: Route = (_request, response) => json(response, { ready: true });
  const published: Route = (_request, response) => json(response, { number: 7 });
  const said: Route = (_request, response, body) => json(response, { said: body });
  const all = {
    'POST /drafts': draft,
    'GET /drafts/d1': ready,
    'POST /drafts/d1/publish': published,
    'POST /announcements': said,
  };

  it('are taken in order, each with the answers before it', async () => {
    const unready: Route = (_request, response) => json(response, { ready: false });
    routes({ ...all, 'GET /drafts/d1': [unready, ready] });
    expect(await publish()).toMatchObject({ state: 'succeeded', output: { number: 7, announced: '{"of":7}' }, attempts: 5 });
    expect(lines()).toEqual([
      'POST /drafts',
      'GET /drafts/d1',
      'GET /drafts/d1',
      'POST /drafts/d1/publish',
      'POST /announcements',
    ]);
  });

  it('are left out where they are not wanted', async () => {
    routes(all);
    expect(await publish({ arguments: { title: 'T', quietly: true } })).toMatchObject({ output: { number: 7 }, attempts: 3 });
  });

  it('that leave nothing are sent again after a failure, also of a tool that writes', async () => {
    routes({ ...all, 'POST /drafts': [resets, fails(500), draft] });
    expect(await publish()).toMatchObject({ state: 'succeeded', attempts: 6 });
  });

  it('that failed before anything counted leave a plain failure, and the key is free again', async () => {
    routes({ ...all, 'POST /drafts': fails(500) });
    const failed = await publish({ idempotencyKey: 'again' });
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'provider_error' } });
    expect(failed.error).not.toHaveProperty('completedSteps');
    routes(all);
    expect(await publish({ idempotencyKey: 'again' })).toMatchObject({ state: 'succeeded' });
  });

  it('that may be sent twice are not, under the same key, once they were carried out', async () => {
    routes({ 'PUT /label': [resets, (_request, response) => json(response, { label: 'x' })] });
    const label = () => bench.call('press_label', { arguments: { label: 'x' }, idempotencyKey: 'label' });
    const [first, second] = [await label(), await label()];
    expect([first, second]).toMatchObject([{ state: 'succeeded', attempts: 2 }, { output: { label: 'x' } }]);
    expect(lines()).toEqual(['PUT /label', 'PUT /label']);
  });

  it('that never come true end it', async () => {
    routes({ ...all, 'GET /drafts/d1': (_request, response) => json(response, { ready: false }) });
    const result = await publish();
    expect(result).toMatchObject({ state: 'failed', error: { code: 'provider_error' }, attempts: 4 });
    expect(result.error?.detail).toContain('3 times');
  });

  it.each<[string, Route, string, string]>([
    ['is refused', fails(400), 'failed', 'provider_error'],
    [
      'is refused for want of a scope',
      (_request, response) => {
        response.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope"' }).end();
      },
      'failed',
      'provider_error',
    ],
    ['may have been carried out', resets, 'unknown', 'outcome_unknown'],
  ])('that were carried out are named where a later one %s', async (_how, answer, state, code) => {
    routes({ ...all, 'POST /announcements': answer });
    const result = await publish({ idempotencyKey: `${state} ${code} ${_how}` });
    expect(result).toMatchObject({ state, error: { code, completedSteps: ['publish'] } });
    bench.upstream.requests.length = 0;
    routes(all);
    expect((await publish({ idempotencyKey: `${state} ${code} ${_how}` })).error).toMatchObject({ code });
    expect(lines()).toEqual([]);
  });

  it('end at once with a disconnection, between two looks as well', async () => {
    const call = new Call(bench.request('press_publish', { arguments: { title: 'T' } }));
    routes({
      ...all,
      'GET /drafts/d1': (_request, response) => {
        json(response, { ready: false });
        call.abort(new KeywardError('revoked', 'It was disconnected.'));
      },
    });
    expect((await execute(bench.parts, call)).error?.code).toBe('revoked');
    expect(lines()).toEqual(['POST /drafts', 'GET /drafts/d1']);
  });
});

describe('a step for each item of a list', () => {
  const series = (titles: string[]) => bench.call('press_series', { arguments: { titles } });
  const draft: Route = (_request, response, body) => json(response, { id: (JSON.parse(body) as { title: string }).title });
  const ready: Route = (_request, response) => json(response, { ready: true });
  const unready: Route = (_request, response) => json(response, { ready: false });
  const published: Route = (_request, response, body) => json(response, { published: body });

  it('is sent once per item, in order, and its answer is the list of the answers', async () => {
    routes({ 'POST /drafts': draft, 'GET /drafts/a': [unready, ready], 'GET /drafts/b': ready, 'POST /series': published });
    expect(await series(['a', 'b'])).toMatchObject({
      state: 'succeeded',
      output: { published: '{"of":["a","b"]}' },
      attempts: 6,
    });
    expect(lines()).toEqual(['POST /drafts', 'POST /drafts', 'GET /drafts/a', 'GET /drafts/a', 'GET /drafts/b', 'POST /series']);
  });

  it('of a list without items sends nothing', async () => {
    routes({ 'POST /series': published });
    expect(await series([])).toMatchObject({ state: 'succeeded', output: { published: '{"of":[]}' }, attempts: 1 });
  });

  it('is told as carried out where one item was and a later one fails', async () => {
    routes({ 'POST /drafts': [draft, fails(400)] });
    expect(await series(['a', 'b'])).toMatchObject({
      state: 'failed',
      error: { code: 'provider_error', completedSteps: ['drafts'] },
    });
    routes({ 'POST /drafts': fails(400) });
    expect((await series(['a', 'b'])).error).not.toHaveProperty('completedSteps');
  });

  it('is shown for the first item by a dry run', async () => {
    const shown = await bench.call('press_series', { arguments: { titles: ['a', 'b'] }, dryRun: true });
    expect(shown).toMatchObject({ output: { request: { body: '{"title":"a"}' }, furtherSteps: ['ready', 'publish'] } });
  });
});

describe('an address that an answer tells', () => {
  const leave = () => bench.call('press_leave', { arguments: { text: 'hello' } });

  it('gets no credential, and what it echoes of one is hidden', async () => {
    routes({
      'POST /uploads': (_request, response) => json(response, { url: `${bench.upstream.origin}/elsewhere?key=1` }),
      'PUT /elsewhere': (request, response) => json(response, { got: request.headers, token: TOKEN }),
    });
    const result = await leave();
    expect(result).toMatchObject({ state: 'succeeded', output: { token: '[redacted]' } });
    expect(bench.authorizations).toEqual([`Bearer ${TOKEN}`, undefined]);
    expect(bench.upstream.requests[1]).toMatchObject({ body: 'hello', headers: { 'content-type': 'text/plain' } });
  });

  it('is not called where the connector does not name its origin, nor where it redirects to', async () => {
    const other = await HostileServer.start();
    const tell = (url: string) => ({ 'POST /uploads': (_request: unknown, response: ServerResponse) => json(response, { url }) });
    for (const url of [
      other.origin,
      'http://169.254.169.254/latest',
      'file:///etc/passwd',
      `${bench.upstream.origin}@evil.example/`,
    ]) {
      routes(tell(url));
      expect(await leave()).toMatchObject({ state: 'denied', error: { code: 'egress_denied' } });
    }
    routes({
      ...tell(`${bench.upstream.origin}/hop`),
      'PUT /hop': (_request, response) => response.writeHead(307, { location: other.origin }).end(),
    });
    expect((await leave()).error?.code).toBe('outcome_unknown');
    await other.stop();
    expect(other.requests).toEqual([]);
  });
});
