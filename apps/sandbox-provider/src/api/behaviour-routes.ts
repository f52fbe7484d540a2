import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { LIMIT_STYLES, limitHeaders } from '../chaos/limit-headers.js';
import { displayName } from '../oauth/accounts.js';
import type { AccessTokens } from '../store/access-tokens.js';
import { authenticate } from './bearer.js';

const int = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** `times` and `key`: only the first so many requests with this key misbehave, so that a retry can be seen to succeed. */
const spell = { times: int(1, 1000).optional(), key: z.string().min(1).max(100).default('default') };
const delayQuery = z.object({ ms: int(0, 120_000).default(1000) });
const failQuery = z.object({ status: int(400, 599).default(500), retry_after: int(0, 86_400).optional(), ...spell });
const limitQuery = z.object({
  retry_after: int(0, 86_400).default(1),
  style: z.enum(LIMIT_STYLES).default('retry-after'),
  ...spell,
});
const redirectQuery = z.object({
  to: z.string().min(1).max(2048),
  status: z.coerce.number().pipe(redirectStatus()).default(302),
});
const largeQuery = z.object({ bytes: int(0, 2 ** 30).default(1_000_000) });

function redirectStatus() {
  return z.union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)]);
}

/** Endpoints that do what they are told, for trying out what a caller does with it. */
export function registerBehaviour(app: FastifyInstance, tokens: AccessTokens): void {
  const seen = new Map<string, number>();
  const isOver = (endpoint: string, { times, key }: { times?: number | undefined; key: string }): boolean => {
    if (times === undefined) return false;
    const id = `${endpoint} ${key}`;
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    return count > times;
  };

  app.get('/api/me', async (request, reply) => {
    const caller = authenticate(request, reply, tokens);
    if (caller === undefined) return reply;
    return { user: caller.user, name: displayName(caller.user), client: caller.client, scopes: [...caller.scopes] };
  });

  app.all('/api/echo', async (request, reply) => {
    if (authenticate(request, reply, tokens) === undefined) return reply;
    return { method: request.method, url: request.url, headers: request.headers, body: request.body ?? null };
  });

  app.all('/api/delay', async (request, reply) => {
    const query = check(request, reply, tokens, delayQuery);
    if (query === undefined) return reply;
    await sleep(query.ms);
    return { delayedMs: query.ms };
  });

  app.all('/api/fail', async (request, reply) => {
    const query = check(request, reply, tokens, failQuery);
    if (query === undefined) return reply;
    if (isOver('fail', query)) return { failed: false };
    if (query.retry_after !== undefined) reply.header('Retry-After', query.retry_after);
    return reply.code(query.status).send({ error: 'ordered_failure', message: `Answered ${query.status}, as ordered.` });
  });

  app.all('/api/limit', async (request, reply) => {
    const query = check(request, reply, tokens, limitQuery);
    if (query === undefined) return reply;
    if (isOver('limit', query)) return { limited: false };
    return reply
      .code(429)
      .headers(limitHeaders(query.style, query.retry_after))
      .send({ error: 'rate_limited', message: 'Too many requests, as ordered.' });
  });

  app.all('/api/redirect', async (request, reply) => {
    const query = check(request, reply, tokens, redirectQuery);
    if (query === undefined) return reply;
    return reply.redirect(query.to, query.status);
  });

  app.get('/api/large', async (request, reply) => {
    const query = check(request, reply, tokens, largeQuery);
    if (query === undefined) return reply;
    return reply.type('application/octet-stream').send(Readable.from(filler(query.bytes)));
  });
}

function check<T extends z.ZodType>(
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: AccessTokens,
  schema: T,
): z.output<T> | undefined {
  if (authenticate(request, reply, tokens) === undefined) return undefined;
  const query = schema.safeParse(request.query);
  if (query.success) return query.data;
  reply.code(400).send({ error: 'invalid_request', message: query.error.issues.map((issue) => issue.message).join('; ') });
  return undefined;
}

function* filler(bytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(65_536, 'x');
  for (let left = bytes; left > 0; left -= chunk.length) yield left < chunk.length ? chunk.subarray(0, left) : chunk;
}
