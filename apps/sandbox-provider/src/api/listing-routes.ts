import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AccessTokens } from '../store/access-tokens.js';
import { authenticate } from './bearer.js';

const int = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const size = int(1, 10).default(10);
const total = int(0, 10_000).default(25);

const byCursor = z.object({ total, limit: size, cursor: z.string().max(64).optional() });
const byPage = z.object({ total, per_page: size, page: int(1, 10_000).default(1) });
const byOffset = z.object({ total, count: size, offset: int(0, 10_000).default(0) });

interface Item {
  id: number;
  name: string;
}

/** The same numbered items, listed in each of the ways in which providers tell where a listing goes on. Ten at most on a page. */
export function registerListings(app: FastifyInstance, origin: string, tokens: AccessTokens): void {
  const check = <T extends z.ZodType>(request: FastifyRequest, reply: FastifyReply, schema: T): z.output<T> | undefined => {
    if (authenticate(request, reply, tokens) === undefined) return undefined;
    const query = schema.safeParse(request.query);
    if (query.success) return query.data;
    reply.code(400).send({ error: 'invalid_request', message: query.error.issues.map((issue) => issue.message).join('; ') });
    return undefined;
  };

  app.get('/api/listing/cursor', async (request, reply) => {
    const query = check(request, reply, byCursor);
    if (query === undefined) return reply;
    const from = query.cursor === undefined ? 0 : positionOf(query.cursor);
    if (from === undefined) return reply.code(400).send({ error: 'invalid_cursor', message: 'There is no such cursor.' });
    const end = from + query.limit;
    return { data: items(query.total, from, query.limit), paging: end < query.total ? { next: cursorOf(end) } : {} };
  });

  app.get('/api/listing/page', async (request, reply) => {
    const query = check(request, reply, byPage);
    if (query === undefined) return reply;
    const from = (query.page - 1) * query.per_page;
    return { results: items(query.total, from, query.per_page), has_more: from + query.per_page < query.total };
  });

  app.get('/api/listing/offset', async (request, reply) => {
    const query = check(request, reply, byOffset);
    if (query === undefined) return reply;
    return items(query.total, query.offset, query.count);
  });

  app.get('/api/listing/link', async (request, reply) => {
    const query = check(request, reply, byPage);
    if (query === undefined) return reply;
    if (query.page * query.per_page < query.total) reply.header('Link', `<${nextPage('link', query)}>; rel="next"`);
    return items(query.total, (query.page - 1) * query.per_page, query.per_page);
  });

  app.get('/api/listing/url', async (request, reply) => {
    const query = check(request, reply, byPage);
    if (query === undefined) return reply;
    const value = items(query.total, (query.page - 1) * query.per_page, query.per_page);
    return query.page * query.per_page < query.total ? { value, '@next': nextPage('url', query) } : { value };
  });

  const nextPage = (style: string, { total: all, per_page, page }: z.output<typeof byPage>) =>
    `${origin}/api/listing/${style}?total=${all}&per_page=${per_page}&page=${page + 1}`;
}

function items(all: number, from: number, count: number): Item[] {
  const left = Math.max(0, Math.min(count, all - from));
  return Array.from({ length: left }, (_, index) => ({ id: from + index + 1, name: `Item ${from + index + 1}` }));
}

function cursorOf(position: number): string {
  return Buffer.from(`after:${position}`).toString('base64url');
}

function positionOf(cursor: string): number | undefined {
  const position = /^after:(\d{1,6})$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1];
  return position === undefined ? undefined : Number(position);
}
