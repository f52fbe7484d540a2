import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openVendor } from '@keyward/vendor-emulation';
import { Browser } from '../../test/browser.js';
import { MANAGEMENT_TOKEN, PASSWORD, sandboxConfig } from '../../test/config.js';
import { startSandbox, type Sandbox } from '../server.js';

const CONNECTORS = join(import.meta.dirname, '../../../../connectors');
const CALLBACK = 'https://keyward.example/callback';
/** RFC 7636 appendix B. */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const [WRITES, READS] = ['tasks:read tasks:write', 'tasks:read'];

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ ...sandboxConfig, vendors: { names: ['asana', 'linear'], dir: CONNECTORS } });
  for (const vendor of ['asana', 'linear']) await manage('clients', client(vendor));
  await manage('clients', { ...client('none'), vendor: undefined });
});
afterAll(() => sandbox.close());

const client = (vendor: string) => ({
  ...{ client_id: vendor, client_secret: `secret-of-${vendor}-0123`, vendor, redirect_uris: [CALLBACK] },
  token_endpoint_auth_method: 'client_secret_post',
});

async function manage(path: string, body: unknown): Promise<{ status: number; tokens: { access_token: string }[] }> {
  const headers = { authorization: `Bearer ${MANAGEMENT_TOKEN}`, 'content-type': 'application/json' };
  const response = await fetch(`${sandbox.url}/sandbox/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { ...((await response.json()) as { tokens: { access_token: string }[] }), status: response.status };
}

async function tokenOf(client_id: string, scope: string): Promise<string> {
  const { tokens } = await manage('tokens/issue', { client_id, user: 'ada', scope });
  return tokens[0]?.access_token ?? '';
}

async function ask(token: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`${sandbox.url}/vendors/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { data: never; message: string; errors: { message: string }[] };
  if (path.startsWith('asana/') && response.ok) await hold(method, path, body, answer);
  return { status: response.status, body: answer };
}

const ASANA = openVendor(join(CONNECTORS, 'asana'));

/** @throws where an answer is not as the contract has it */
async function hold(method: string, path: string, body: unknown, answer: object): Promise<void> {
  const request = {
    ...{ method, url: `https://app.asana.com${path.slice('asana'.length)}`, headers: { 'content-type': 'application/json' } },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
  // Where null may stand, for nobody or never, Asana's description leaves unsaid.
  const said: unknown = JSON.parse(JSON.stringify(answer), (_name, value: unknown) => value ?? undefined);
  expect(await ASANA.problemsOfReply(request, { status: 200, headers: {}, body: said }, false)).toEqual([]);
}

/** The way of a person through a vendor's authorization endpoint, and of the client to its token endpoint. */
async function connect(vendor: string, scope: string) {
  const query = { client_id: vendor, redirect_uri: CALLBACK, response_type: 'code', scope, state: 's' };
  const pkce = { code_challenge: CHALLENGE, code_challenge_method: 'S256' };
  const browser = new Browser();
  await browser.open(`${sandbox.url}/vendors/${vendor}/oauth/authorize?${new URLSearchParams({ ...query, ...pkce }).toString()}`);
  await browser.submit(sandbox.url, { login: 'ada', password: PASSWORD });
  const { page } = browser;
  await browser.submit(sandbox.url, { decision: 'allow' });
  const response = await fetch(`${sandbox.url}/vendors/${vendor}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'authorization_code', code: browser.left?.searchParams.get('code') ?? '', redirect_uri: CALLBACK },
      ...{ code_verifier: VERIFIER, client_id: vendor, client_secret: `secret-of-${vendor}-0123` },
    }),
  });
  return { page, answer: (await response.json()) as { access_token: string; refresh_token: string; scope: string } };
}

const CREATE = `mutation ($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { id identifier title team { id } } } }`;
const LIST = `query ($filter: IssueFilter, $first: Int, $after: String) {
  issues(filter: $filter, first: $first, after: $after) { nodes { title state { type } } pageInfo { hasNextPage endCursor } } }`;
const COMPLETE = `mutation ($id: String!, $input: IssueUpdateInput!) { issueUpdate(id: $id, input: $input) { issue { completedAt } } }`;
const [TEAM, OTHER] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];

describe('an emulated vendor', () => {
  it('remembers what is created, changed and removed, in answers of the described shape', async () => {
    const token = await tokenOf('asana', `${WRITES} tasks:delete`);
    for (const name of ['one', 'two', 'three']) {
      const created = await ask(token, 'POST', 'asana/api/1.0/tasks', {
        data: { name, projects: ['77'], external: { gid: `key-${name}` } },
      });
      expect([created.status, created.body.data]).toEqual([
        201,
        expect.objectContaining({ name, completed: false, assignee: null }),
      ]);
    }
    const list = 'asana/api/1.0/tasks?project=77&completed_since=2999-12-31T00:00:00Z';
    const first = (await ask(token, 'GET', `${list}&limit=2`)).body as unknown as {
      data: { gid: string; name: string }[];
      next_page: { offset: string };
    };
    expect(first.data.map(({ name }) => name)).toEqual(['three', 'two']);
    expect((await ask(token, 'GET', `${list}&limit=2&offset=${first.next_page.offset}`)).body).toMatchObject({
      data: [{ name: 'one' }],
      next_page: null,
    });
    expect((await ask(token, 'GET', 'asana/api/1.0/tasks?project=78')).body.data).toEqual([]);
    expect((await ask(token, 'GET', 'asana/api/1.0/tasks/external:key-two')).body.data).toMatchObject({ name: 'two' });
    const [three, two] = first.data.map(({ gid }) => `asana/api/1.0/tasks/${gid}`);
    await ask(token, 'PUT', String(three), { data: { completed: true, due_on: '2026-12-31', assignee: 'me' } });
    expect((await ask(token, 'GET', String(three))).body.data).toMatchObject({
      name: 'three',
      completed: true,
      due_on: '2026-12-31',
      assignee: { gid: 'me' },
    });
    expect((await ask(token, 'DELETE', String(two))).status).toBe(200);
    expect((await ask(token, 'GET', String(two))).status).toBe(404);
    expect((await ask(token, 'GET', list)).body).toMatchObject({ data: [{ name: 'one' }] });
  });

  it('does so by GraphQL', async () => {
    const token = await tokenOf('linear', 'read write');
    const graphql = async (query: string, variables: object) =>
      (await ask(token, 'POST', 'linear/graphql', { query, variables })).body;
    const { data } = (await graphql(CREATE, { input: { id: OTHER, teamId: TEAM, title: 'Mend the lamp' } })) as unknown as {
      data: { issueCreate: object };
    };
    expect(data.issueCreate).toMatchObject({ success: true, issue: { id: OTHER, title: 'Mend the lamp', team: { id: TEAM } } });
    const open = { filter: { team: { id: { eq: TEAM } }, state: { type: { in: ['unstarted'] } } }, first: 1 };
    expect(await graphql(LIST, open)).toMatchObject({
      data: { issues: { nodes: [{ title: 'Mend the lamp' }], pageInfo: { hasNextPage: false } } },
    });
    expect(await graphql(LIST, { filter: { team: { id: { eq: OTHER } } } })).toMatchObject({ data: { issues: { nodes: [] } } });
    await graphql(COMPLETE, { id: OTHER, input: { stateId: '33333333-3333-4333-8333-333333333339' } });
    expect(await graphql(LIST, open)).toMatchObject({ data: { issues: { nodes: [] } } });
    expect(await graphql(COMPLETE, { id: TEAM, input: {} })).toMatchObject({
      data: null,
      errors: [{ message: 'There is no such thing here.' }],
    });
  });

  it('says what is not as it describes it', async () => {
    const asana = await tokenOf('asana', WRITES);
    const wrong = await ask(asana, 'POST', 'asana/api/1.0/tasks', { data: { nmae: 'one' } });
    expect([wrong.status, wrong.body.errors[0]?.message]).toEqual([
      400,
      expect.stringContaining('Asana describes it: body /data'),
    ]);
    const linear = await tokenOf('linear', 'read write');
    const unknown = await ask(linear, 'POST', 'linear/graphql', { query: '{ isues { id } }' });
    expect([unknown.status, unknown.body.message]).toEqual([400, expect.stringContaining('Cannot query field "isues"')]);
    expect((await ask(linear, 'GET', 'trello/1/boards')).status).toBe(404);
  });

  it('takes access tokens of its own clients alone, and asks for their scopes', async () => {
    const statusOf = async (token: string, method: string, body?: unknown) =>
      (await ask(token, method, 'asana/api/1.0/tasks', body)).status;
    const task = { data: { name: 'one', projects: ['78'] } };
    const reader = await tokenOf('asana', READS);
    expect([await statusOf(reader, 'GET'), await statusOf(reader, 'POST', task)]).toEqual([200, 403]);
    expect(await statusOf(await tokenOf('linear', 'read write'), 'GET')).toBe(401);
    expect(await statusOf(await tokenOf('none', WRITES), 'GET')).toBe(401);
    expect(await statusOf('made-up', 'GET')).toBe(401);
    expect(await statusOf(await tokenOf('asana', 'openid'), 'GET')).toBe(403);
    expect((await manage('clients', { ...client('trello'), client_id: 'other' })).status).toBe(404);
  });

  it('has authorization, token and revocation endpoints of its own, and its own way of writing scopes', async () => {
    const { page, answer } = await connect('linear', 'read,write');
    expect(page).toContain('Change what you can change');
    expect(answer).toMatchObject({ scope: 'read write', refresh_token: expect.any(String) });
    const query = { query: LIST, variables: {} };
    expect((await ask(answer.access_token, 'POST', 'linear/graphql', query)).status).toBe(200);
    expect((await ask(answer.access_token, 'POST', 'linear/oauth/revoke')).status).toBe(200);
    expect((await ask(answer.access_token, 'POST', 'linear/graphql', query)).status).toBe(401);
  });
});

it('a folder without a contract is no vendor', async () => {
  const vendors = { names: ['sandbox'], dir: CONNECTORS };
  await expect(startSandbox({ ...sandboxConfig, vendors })).rejects.toThrow('holds no contract');
});
