import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { buildSchema, introspectionFromSchema, validate, parse } from 'graphql';
import { parse as parseYaml } from 'yaml';
import { World } from '../../test/world.js';

const SDL = `
scalar DateTime
enum State { OPEN CLOSED OLD @deprecated }
interface Node { id: ID! }
type User implements Node { id: ID! name: String! boss: User posts(first: Int): Int }
type Issue implements Node { id: ID! title: String state: State author: User createdAt: DateTime secret(key: String!): String old: Int @deprecated }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type IssueConnection { nodes: [Issue!]! pageInfo: PageInfo! }
type UserEdge { node: User! cursor: String! }
type UserConnection { edges: [UserEdge!]! pageInfo: PageInfo! }
union Thing = User | Issue
input Filter { title: String and: [Filter!] }
input IssueInput { title: String! dueAt: DateTime state: State = OPEN parent: IssueInput }
type Payload { success: Boolean! issue: Issue }
type Query {
  "Finds issues"
  issues(first: Int, after: String, last: Int, filter: Filter): IssueConnection!
  users(first: Int, after: String): UserConnection!
  issue(id: ID!): Issue
  thing: Thing
  gone: Int @deprecated(reason: "no")
}
type Mutation { issueCreate(input: IssueInput!): Payload! issueUpdate(id: ID!, input: IssueInput!): Payload! issueDelete(id: ID!): Payload! }
type Subscription { issueCreated: Issue }
`;
const BASE = 'https://api.acme.example/graphql';

let world: World;
beforeEach(() => void (world = new World()));
afterEach(() => world.remove());
const fromSdl = (options: object = {}) => world.import(SDL, { file: 'acme.graphql', baseUrl: BASE, ...options });

describe('a GraphQL schema', () => {
  it('becomes tools whose documents are valid, with effects by kind', async () => {
    const result = await fromSdl();
    expect(world.tools().map(({ name, effect }) => `${name} ${effect}`)).toEqual([
      'acme_list_issues read',
      'acme_list_users read',
      'acme_get_issue read',
      'acme_get_thing read',
      'acme_create_issue write',
      'acme_update_issue write',
      'acme_delete_issue destructive',
    ]);
    expect(result.leftOut.map(({ operation, reason }) => `${operation}: ${reason}`)).toEqual([
      'query gone: deprecated',
      'subscription issueCreated: a subscription has no one answer',
    ]);
    const schema = buildSchema(SDL);
    const tools = parseYaml(world.read('acme/tools.yaml')) as { request: { query: string } }[];
    expect(tools.flatMap(({ request }) => validate(schema, parse(request.query)))).toEqual([]);
  });

  it('has members of inputs beside the other arguments, and connections as pages', async () => {
    await fromSdl();
    expect(world.tool('acme_update_issue').inputSchema).toMatchObject({
      properties: {
        id: { type: 'string' },
        title: { type: 'string' },
        state: { enum: ['OPEN', 'CLOSED'] },
        parent: { type: 'object' },
      },
      required: ['id', 'title'],
    });
    const sent = await world.request('acme_update_issue', { id: 'i', title: 'T' });
    expect(sent.url).toBe(BASE);
    expect(JSON.parse(String(sent.body))).toMatchObject({ variables: { id: 'i', input: { title: 'T' } } });
    const listed = await world.request('acme_list_issues', { filter: { title: 'x' } });
    expect(JSON.parse(String(listed.body)).variables).toEqual({ filter: { title: 'x' }, first: 10 });
    const [issues, users] = parseYaml(world.read('acme/tools.yaml')) as { pagination: object; output?: object }[];
    expect(issues?.pagination).toMatchObject({
      items: '/data/issues/nodes',
      next: '/data/issues/pageInfo/endCursor',
      into: { variable: 'after' },
    });
    expect([users?.pagination, users?.output]).toMatchObject([{ items: '/data/users/edges' }, { select: 'node' }]);
  });

  it('is the same as the answer to an introspection query, and as an endpoint says it', async () => {
    await fromSdl();
    const tools = world.read('acme/tools.yaml').split('\n').slice(2).join('\n');
    const answer = { data: introspectionFromSchema(buildSchema(SDL)) };
    await world.import(answer, { name: 'file', baseUrl: BASE });
    const same = (name: string) =>
      world.read(`${name}/tools.yaml`).split('\n').slice(2).join('\n').replaceAll(`${name}_`, 'acme_');
    expect(same('file')).toBe(tools);
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      seen.push([request.method, request.headers.authorization]);
      if (request.headers.authorization === undefined) response.writeHead(401).end();
      else response.end(JSON.stringify(answer));
    });
    const url = await listening(server);
    try {
      await expect(world.import('', { source: url, name: 'asked' })).rejects.toMatchObject({
        next: expect.stringContaining('--token-env'),
      });
      await world.import('', { source: url, name: 'asked', token: 'the-token', baseUrl: BASE });
      expect(same('asked')).toBe(tools);
      expect(seen).toEqual([
        ['POST', undefined],
        ['POST', 'Bearer the-token'],
      ]);
      expect(
        ['connector.yaml', 'tools.yaml', 'review.yaml', '.import.json'].map((file) => world.read(`asked/${file}`)).join(),
      ).not.toContain('the-token');
    } finally {
      server.close();
    }
  });

  it.each([
    ['that does not say where the API is', SDL, undefined, '--base-url'],
    ['that is none', 'type Query { x: Nothing }', BASE, 'Mend it'],
    ['nested without end', `type Query { x: ${'['.repeat(20_000)}Int${']'.repeat(20_000)} }`, BASE, 'Mend it'],
    ['with nothing to call', 'type Query { x: Int @deprecated }', BASE, 'See that'],
  ])('%s is refused, with what to do', async (_what, sdl, baseUrl, next) => {
    await expect(world.import(sdl, { file: 'x.graphql', baseUrl })).rejects.toMatchObject({
      next: expect.stringContaining(next),
    });
  });
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
}
