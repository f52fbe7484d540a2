import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { json, ok, openApi, query, World } from '../../test/world.js';

let world: World;
beforeEach(() => void (world = new World()));
afterEach(() => world.remove());

const text = { type: 'string' };
const listOf = (items: unknown) => ({ type: 'array', items });
const thing = { type: 'object', properties: { id: text } };

describe('an OpenAPI description', () => {
  it('becomes tools whose names begin with a verb, and whose effect follows the method', async () => {
    await world.import(
      openApi({
        '/issues': { get: { operationId: 'issues/list-for-repo', ...ok() }, post: { operationId: 'createIssue', ...ok() } },
        '/issues/{id}': { delete: ok(), put: ok() },
        '/issues/search': { post: { operationId: 'issues.search', ...ok() } },
        '/keys': { post: { operationId: 'revokeKey', ...ok() } },
        '/tags': { post: { operationId: 'getOrCreateTag', ...ok() } },
        '/users': { post: { operationId: 'users.lookup', ...ok() } },
      }),
    );
    expect(world.tools().map(({ name, effect }) => `${name} ${effect}`)).toEqual([
      'acme_list_issues_for_repo read',
      'acme_create_issue write',
      'acme_delete_issue destructive',
      'acme_set_issue write',
      'acme_search_issues read',
      'acme_revoke_key destructive',
      'acme_get_or_create_tag write',
      'acme_lookup_users read',
    ]);
    expect(world.read('acme/review.yaml')).toContain('a POST whose path ends in search');
  });

  it('has the arguments of path, query, headers and body side by side, those that clash under another name', async () => {
    await world.import(
      openApi({
        '/repos/{owner}/issues/{id}': {
          parameters: [{ name: 'owner', in: 'path', required: true, schema: text }],
          patch: {
            operationId: 'update_issue',
            parameters: [query('$filter', text), query('id', text), { name: 'X-Mode', in: 'header', schema: text }],
            ...json({
              type: 'object',
              required: ['title'],
              properties: { title: text, id: { type: 'integer' }, url: { ...text, readOnly: true } },
            }),
            ...ok(),
          },
        },
      }),
    );
    const tool = world.tool('acme_update_issue');
    expect(Object.keys(tool.inputSchema['properties'] as object)).toEqual([
      'owner',
      'id',
      'filter',
      'query_id',
      'X-Mode',
      'title',
      'body_id',
    ]);
    expect(tool.inputSchema['required']).toEqual(['owner', 'id', 'title']);
    const sent = await world.request('acme_update_issue', {
      owner: 'a/b',
      id: '1',
      filter: 'x',
      query_id: 'q',
      'X-Mode': 'm',
      title: 'T',
      body_id: 7,
    });
    expect(sent).toMatchObject({
      method: 'PATCH',
      url: 'https://api.acme.example/v1/repos/a%2Fb/issues/1?%24filter=x&id=q',
      body: '{"title":"T","id":7}',
    });
    expect(sent.headers['x-mode']).toBe('m');
    expect(
      world.yaml<{ tools: Record<string, { notes: object }> }>('acme/review.yaml').tools['acme_update_issue']?.notes,
    ).toMatchObject({
      '/input/properties/filter': 'is "$filter" in the query',
      '/input/properties/body_id': 'is "id" in the body',
    });
  });

  it.each([
    ['one name per item', {}, '?tag=a&tag=b'],
    ['one text with commas', { explode: false }, '?tag=a%2Cb'],
    ['one text with spaces', { style: 'spaceDelimited', explode: false }, '?tag=a%20b'],
  ])('sends a list in a query as %s', async (_what, style, expected) => {
    await world.import(
      openApi({ '/x': { get: { operationId: 'list_x', parameters: [query('tag', listOf(text), style)], ...ok() } } }),
    );
    expect((await world.request('acme_list_x', { tag: ['a', 'b'] })).url).toBe(`https://api.acme.example/v1/x${expected}`);
    expect((await world.request('acme_list_x', {})).url).toBe('https://api.acme.example/v1/x');
  });

  it('sends deep objects, JSON in a query, and what has one value only', async () => {
    const deep = { type: 'object', properties: { from: text, to: text } };
    await world.import(
      openApi({
        '/x': {
          get: {
            operationId: 'list_x',
            parameters: [
              query('at', deep, { style: 'deepObject' }),
              { name: 'where', in: 'query', content: { 'application/json': { schema: thing } } },
              query('v', { enum: ['$2'] }, { required: true }),
              { name: 'Acme-Version', in: 'header', schema: { type: 'string', default: '2026-01-01' } },
              query('api_key', text, { required: true }),
            ],
            ...ok(),
          },
        },
      }),
    );
    const sent = await world.request('acme_list_x', { at_from: '1', where: { id: 'i' } });
    expect(sent.url).toBe(`https://api.acme.example/v1/x?at%5Bfrom%5D=1&where=${encodeURIComponent('{"id":"i"}')}&v=%242`);
    expect(sent.headers['acme-version']).toBe('2026-01-01');
    expect(world.read('acme/review.yaml')).toContain('it looks like the credential');
  });

  it('sends forms, files, uploads and wrapped bodies', async () => {
    const post = (id: string, type: string, schema: unknown) => ({
      post: { operationId: id, requestBody: { required: true, content: { [type]: { schema } } }, ...ok() },
    });
    await world.import(
      openApi({
        '/form': post('send_form', 'application/x-www-form-urlencoded', { type: 'object', properties: { a: text, deep: thing } }),
        '/file': post('upload_file', 'multipart/form-data', {
          type: 'object',
          required: ['file'],
          properties: { file: { type: 'string', format: 'binary' }, note: text },
        }),
        '/raw': post('upload_raw', 'application/octet-stream', { type: 'string', format: 'binary' }),
        '/data': post('create_data', 'application/json', {
          type: 'object',
          properties: { data: { type: 'object', required: ['name'], properties: { name: text } } },
        }),
        '/list': post('create_list', 'application/json', listOf(text)),
        '/cbor': post('create_cbor', 'application/cbor', {}),
      }),
    );
    expect((await world.request('acme_send_form', { a: 'x y' })).body).toBe('a=x+y');
    expect(String((await world.request('acme_upload_file', { file: 'aGk=', file_filename: 'a.txt' })).body)).toContain(
      'filename="a.txt"',
    );
    expect(String((await world.request('acme_upload_raw', { content: 'aGk=' })).body)).toBe('hi');
    expect((await world.request('acme_create_data', { name: 'n' })).body).toBe('{"data":{"name":"n"}}');
    expect((await world.request('acme_create_list', { body: ['a'] })).body).toBe('["a"]');
    expect(world.yaml('acme/review.yaml')['operations_left_out']).toEqual({
      reasons: { 'tools send no application/cbor': 1 },
      operations: [{ operation: 'POST /cbor', place: '/paths/~1cbor/post', reason: 'tools send no application/cbor' }],
    });
  });

  it.each<[string, unknown[], unknown, unknown, object]>([
    [
      'a Link header',
      [query('per_page', { type: 'integer', maximum: 100, default: 30 }), query('page', { type: 'integer' })],
      listOf(thing),
      { Link: {} },
      { style: 'link', items: '', size: { into: { query: 'per_page' }, max: 100, default: 30 } },
    ],
    [
      'a cursor',
      [query('cursor', text), query('limit', { type: 'integer' })],
      { type: 'object', properties: { data: listOf(thing), next_cursor: text, has_more: { type: 'boolean' } } },
      undefined,
      {
        style: 'cursor',
        next: '/next_cursor',
        into: { query: 'cursor' },
        items: '/data',
        more: '/has_more',
        size: { into: { query: 'limit' }, max: 100, default: 50 },
      },
    ],
    [
      'a page token',
      [query('pageToken', text)],
      { type: 'object', properties: { files: listOf(thing), nextPageToken: text } },
      undefined,
      { style: 'cursor', next: '/nextPageToken', into: { query: 'pageToken' }, items: '/files' },
    ],
    [
      'a next address',
      [query('$top', { type: 'integer' })],
      { type: 'object', properties: { value: listOf(thing), '@odata.nextLink': text } },
      undefined,
      { style: 'url', next: '/@odata.nextLink', items: '/value', size: { into: { query: '$top' }, max: 100, default: 50 } },
    ],
    [
      'pages',
      [query('page', { type: 'integer', minimum: 0 })],
      { type: 'object', properties: { results: listOf(thing) } },
      undefined,
      { style: 'page', first: 0, into: { query: 'page' }, items: '/results' },
    ],
    [
      'an offset',
      [query('startAt', { type: 'integer' }), query('maxResults', { type: 'integer', maximum: 50 })],
      { type: 'object', properties: { values: listOf(thing) } },
      undefined,
      {
        style: 'offset',
        into: { query: 'startAt' },
        items: '/values',
        size: { into: { query: 'maxResults' }, max: 50, default: 50 },
      },
    ],
  ])('follows %s, and says in the review that it was guessed', async (_what, parameters, answer, headers, expected) => {
    await world.import(openApi({ '/x': { get: { operationId: 'list_x', parameters, ...ok(answer, headers) } } }));
    const [tool] = world.yaml<{ pagination: object }[]>('acme/tools.yaml');
    expect(tool?.pagination).toEqual(expected);
    expect(Object.keys(world.tool('acme_list_x').inputSchema['properties'] as object)).toEqual(['limit', 'cursor']);
    expect(world.yaml('acme/review.yaml')['notes_about']).toMatchObject({ pagination: 1 });
  });

  it('authenticates by the scheme that serves people best, with the scopes that operations need', async () => {
    const flows = {
      authorizationCode: {
        authorizationUrl: 'https://login.acme.example/auth',
        tokenUrl: '/token',
        scopes: { read: 'Read ${things}', write: '' },
      },
    };
    await world.import(
      openApi(
        {
          '/x': {
            get: { operationId: 'list_x', security: [{ oauth: ['read'] }, { key: [] }], ...ok() },
            post: { operationId: 'create_x', security: [{ oauth: ['read', 'write'] }, { oauth: ['admin'] }], ...ok() },
          },
        },
        {
          components: {
            securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-Key' }, oauth: { type: 'oauth2', flows } },
          },
        },
      ),
    );
    expect(world.yaml('acme/connector.yaml')['auth']).toEqual({
      kind: 'oauth2_authorization_code',
      authorization_endpoint: 'https://login.acme.example/auth',
      token_endpoint: 'https://api.acme.example/token',
      scopes: { descriptions: { read: 'Read $(things}', write: 'write' } },
    });
    expect([world.tool('acme_list_x').scopes, world.tool('acme_create_x').scopes]).toEqual([
      [['read']],
      [['read', 'write'], ['admin']],
    ]);
  });

  it.each<[string, object, object]>([
    ['a bearer token', { type: 'http', scheme: 'bearer' }, { auth: { kind: 'api_key', label: 'Access token' } }],
    [
      'a key in a header',
      { type: 'apiKey', in: 'header', name: 'X-Key' },
      { auth: { kind: 'api_key' }, credential: { in: 'header', name: 'x-key', prefix: '' } },
    ],
    ['a key in the query', { type: 'apiKey', in: 'query', name: 'key' }, { credential: { in: 'query', name: 'key' } }],
    ['a user name and a password', { type: 'http', scheme: 'basic' }, { auth: { kind: 'basic' }, credential: { in: 'basic' } }],
  ])('takes %s', async (_what, scheme, expected) => {
    await world.import(
      openApi({ '/x': { get: ok() } }, { components: { securitySchemes: { it: scheme } }, security: [{ it: [] }] }),
    );
    expect(world.yaml('acme/connector.yaml')).toMatchObject(expected);
  });

  it('of Swagger 2.0 becomes the same', async () => {
    await world.import({
      ...{ swagger: '2.0', info: { title: 'Acme' }, host: 'api.acme.example', basePath: '/v2', schemes: ['https'] },
      securityDefinitions: {
        it: {
          type: 'oauth2',
          flow: 'accessCode',
          authorizationUrl: 'https://acme.example/a',
          tokenUrl: 'https://acme.example/t',
          scopes: { r: 'Read' },
        },
      },
      paths: {
        '/x/{id}': {
          post: {
            operationId: 'updateX',
            consumes: ['application/x-www-form-urlencoded'],
            parameters: [
              { name: 'id', in: 'path', required: true, type: 'integer' },
              { name: 'note', in: 'formData', type: 'string', required: true },
              query2('tags'),
            ],
            responses: { 200: { description: 'ok' } },
          },
        },
      },
    });
    expect(await world.request('acme_update_x', { id: 1, note: 'n', tags: ['a', 'b'] })).toMatchObject({
      url: 'https://api.acme.example/v2/x/1?tags=a%2Cb',
      body: 'note=n',
    });
    expect(world.yaml('acme/connector.yaml')).toMatchObject({
      base_url: 'https://api.acme.example/v2',
      auth: { kind: 'oauth2_authorization_code' },
    });
  });

  it('asks whoever connects for a part of the address that differs from one account to the next', async () => {
    const servers = [
      {
        url: 'https://{subdomain}.acme.example/{version}',
        variables: { subdomain: { default: 'x' }, version: { default: 'v3' } },
      },
    ];
    await world.import(openApi({ '/x': { get: ok() } }, { servers }));
    expect(world.yaml('acme/connector.yaml')).toMatchObject({
      base_url: 'https://${connection.subdomain}.acme.example/v3',
      origins: ['https://${connection.subdomain}.acme.example'],
      connection_parameters: { subdomain: { type: 'label' } },
    });
  });

  it('imports what is wanted, by tag or path, and no more than so much', async () => {
    const paths = {
      '/a/x': { get: { tags: ['A'], ...ok() } },
      '/b/x': { get: { tags: ['B'], ...ok() } },
      '/b/y/z': { get: { tags: ['B'], ...ok() } },
    };
    const names = async (options: object) => {
      const result = await world.import(openApi(paths), { ...options, dryRun: true });
      return [...result.tools.added, result.unwanted];
    };
    expect(await names({ include: ['a'] })).toEqual(['acme_list_a_x', 2]);
    expect(await names({ include: ['/b/**'] })).toEqual(['acme_list_b_x', 'acme_list_b_y_z', 1]);
    expect(await names({ exclude: ['B'] })).toEqual(['acme_list_a_x', 2]);
    expect(await names({ maxTools: 1 })).toEqual(['acme_list_a_x', 2]);
    expect(world.has('acme')).toBe(false);
  });

  it('of more operations than a file may hold becomes several files', async () => {
    const paths = Object.fromEntries(
      Array.from({ length: 600 }, (_, index) => [
        `/${index % 2 === 0 ? 'even' : 'odd'}/x${index}`,
        { get: { tags: [index % 2 === 0 ? 'Even' : 'Odd'], ...ok() } },
      ]),
    );
    await world.import(openApi(paths));
    expect([world.has('acme/tools.yaml'), world.has('acme/tools/even.yaml'), world.has('acme/tools/odd.yaml')]).toEqual([
      false,
      true,
      true,
    ]);
    expect(world.tools()).toHaveLength(600);
  });
});

function query2(name: string): object {
  return { name, in: 'query', type: 'array', items: { type: 'string' }, collectionFormat: 'csv' };
}
