import type { FastifyInstance } from 'fastify';
import { buildSchema, graphql } from 'graphql';
import { z } from 'zod';
import type { AccessTokens } from '../store/access-tokens.js';
import type { Notes } from '../store/notes.js';
import { authenticate } from './bearer.js';

const SCHEMA = buildSchema(`
  type Note { id: ID! title: String! body: String! createdAt: String! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type Notes { nodes: [Note!]! pageInfo: PageInfo! }
  type Query { notes(first: Int! = 20, after: String): Notes! note(id: ID!): Note }
  type Mutation { createNote(title: String!, body: String! = ""): Note! }
`);

const operation = z.object({
  query: z.string().min(1).max(20_000),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});
const listArguments = z.object({ first: z.int().min(1).max(100), after: z.coerce.number().int().nullish() });
const newNote = z.object({ title: z.string().min(1).max(200), body: z.string().max(10_000) });

/** The same notes by GraphQL. What a field can not do stands in `errors`, with status 200. */
export function registerGraphql(app: FastifyInstance, notes: Notes, tokens: AccessTokens): void {
  app.post('/api/graphql', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:read');
    if (caller === undefined) return reply;
    const wanted = operation.safeParse(request.body);
    if (!wanted.success) return reply.code(400).send({ errors: [{ message: 'This is no GraphQL request.' }] });
    const { query: source, variables, operationName } = wanted.data;
    return graphql({
      schema: SCHEMA,
      source,
      rootValue: rootOf(notes, caller.user, caller.scopes.has('notes:write')),
      variableValues: variables ?? {},
      ...(operationName === null || operationName === undefined ? {} : { operationName }),
    });
  });
}

function rootOf(notes: Notes, user: string, mayWrite: boolean) {
  return {
    notes: (given: unknown) => {
      const { first, after } = listArguments.parse(given);
      const page = notes.list(user, first, after ?? undefined);
      const endCursor = page.next === undefined ? null : String(page.next);
      return { nodes: page.notes, pageInfo: { hasNextPage: endCursor !== null, endCursor } };
    },
    note: ({ id }: { id: string }) => notes.get(user, id) ?? null,
    createNote: (given: unknown) => {
      if (!mayWrite) throw new Error('This needs the scope notes:write.');
      const creation = notes.create(user, newNote.parse(given), undefined);
      if (creation.outcome === 'conflict') throw new Error('This note is there already.');
      return creation.note;
    },
  };
}
