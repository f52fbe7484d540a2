import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { displayName } from '../oauth/accounts.js';
import type { ApiKeys } from '../store/api-keys.js';
import type { Notes } from '../store/notes.js';

const listQuery = z.object({ limit: z.coerce.number().int().min(1).max(100).default(20) });

/** The same notes behind an API key, which may come in each of the four places that providers use. */
export function registerKeyed(app: FastifyInstance, notes: Notes, keys: ApiKeys): void {
  const userOf = (request: FastifyRequest, reply: FastifyReply): string | undefined => {
    const key = keyOf(request);
    const user = key === undefined ? undefined : keys.find(key);
    if (user === undefined) {
      reply.code(401).send({ error: 'unauthenticated', message: 'The API key is missing, unknown or revoked.' });
    }
    return user;
  };

  app.get('/keyed/me', async (request, reply) => {
    const user = userOf(request, reply);
    return user === undefined ? reply : { user, name: displayName(user) };
  });

  app.get('/keyed/notes', async (request, reply) => {
    const user = userOf(request, reply);
    if (user === undefined) return reply;
    const query = listQuery.safeParse(request.query);
    if (!query.success) return reply.code(400).send({ error: 'invalid_request', message: 'limit: must be 1 to 100' });
    return { notes: notes.list(user, query.data.limit, undefined).notes };
  });

  app.all('/keyed/echo', async (request, reply) => {
    if (userOf(request, reply) === undefined) return reply;
    return { method: request.method, url: request.url, headers: request.headers, body: request.body ?? null };
  });
}

function keyOf({ headers, query, body }: FastifyRequest): string | undefined {
  const header = headers['x-api-key'];
  if (typeof header === 'string') return header;
  const basic = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(headers.authorization ?? '')?.[1];
  // RFC 7617; the key is the user name, as with many providers.
  if (basic !== undefined) return Buffer.from(basic, 'base64').toString().split(':', 1)[0];
  return memberOf(query) ?? memberOf(body);
}

function memberOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'api_key')) return undefined;
  const key = (value as Record<string, unknown>)['api_key'];
  return typeof key === 'string' ? key : undefined;
}
