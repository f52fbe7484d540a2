import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AccessTokens } from '../store/access-tokens.js';
import { authenticate } from './bearer.js';

const order = z.object({
  error: z.enum(['ratelimited', 'token_expired', 'missing_scope', 'unavailable', 'name_taken']).optional(),
  detail: z.string().max(2_000).default('As ordered.'),
  times: z.coerce.number().int().min(1).max(1000).optional(),
  key: z.string().min(1).max(100).default('default'),
});

/** Says with status 200 what went wrong, as some providers do: `{ok: false, error, detail}`. */
export function registerEnvelopes(app: FastifyInstance, tokens: AccessTokens): void {
  const seen = new Map<string, number>();

  app.all('/api/envelope', async (request, reply) => {
    if (authenticate(request, reply, tokens) === undefined) return reply;
    const query = order.safeParse(request.query);
    if (!query.success)
      return reply.code(400).send({ ok: false, error: 'invalid_request', detail: 'error: is not one to order' });
    const { error, detail, times = Infinity, key } = query.data;
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    return error === undefined || count > times ? { ok: true } : { ok: false, error, detail };
  });
}
