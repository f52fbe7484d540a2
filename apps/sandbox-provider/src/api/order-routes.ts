import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AccessTokens } from '../store/access-tokens.js';
import { authenticate } from './bearer.js';

/** What comes after an order was carried out: its answer; none; a cut connection; or an error, as if it had failed. */
const ENDINGS = ['answer', 'silence', 'reset', 'error'] as const;
const orderBody = z.object({
  item: z.string().min(1).max(100),
  reference: z.string().min(1).max(100).optional(),
  ending: z.enum(ENDINGS).default('answer'),
});
const listQuery = z.object({ reference: z.string().min(1).max(100) });
const summaryQuery = z.object({ prefix: z.string().min(1).max(100) });

/** The oldest are forgotten. */
const MOST = 200_000;
const SILENCE_MS = 30_000;

interface Order {
  id: string;
  item: string;
}

/**
 * A shop that carries out every order that it is given, be it the same one twice, and does not always say so: for seeing that a caller
 * who is left in the dark orders nothing twice.
 */
export function registerOrders(app: FastifyInstance, tokens: AccessTokens): void {
  const orders = new Map<string, Order>();
  const byReference = new Map<string, Order[]>();
  let placed = 0;
  const place = (user: string, item: string, reference: string | undefined): Order => {
    const order = { id: `order_${++placed}`, item };
    orders.set(order.id, order);
    const [oldest] = orders.keys();
    if (orders.size > MOST && oldest !== undefined) orders.delete(oldest);
    const key = `${user} ${reference}`;
    if (reference !== undefined) byReference.set(key, [...(byReference.get(key) ?? []), order]);
    const [first] = byReference.keys();
    if (byReference.size > MOST && first !== undefined) byReference.delete(first);
    return order;
  };

  app.post('/api/orders', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:write');
    if (caller === undefined) return reply;
    const body = orderBody.safeParse(request.body);
    if (!body.success) return reply.code(400).send({ error: 'invalid_request', message: 'not an order' });
    const { item, reference, ending } = body.data;
    const order = place(caller.user, item, reference);
    if (ending === 'silence') await sleep(SILENCE_MS, undefined, { ref: false });
    if (ending === 'silence' || ending === 'reset') {
      reply.hijack();
      request.raw.socket.destroy();
      return reply;
    }
    if (ending === 'error') return reply.code(500).send({ error: 'ordered_failure', message: 'Carried out, and answered 500.' });
    return reply.code(201).send(order);
  });

  app.get('/api/orders', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:read');
    if (caller === undefined) return reply;
    const query = listQuery.safeParse(request.query);
    if (!query.success) return reply.code(400).send({ error: 'invalid_request', message: 'reference: is needed' });
    return { orders: byReference.get(`${caller.user} ${query.data.reference}`) ?? [] };
  });

  app.get('/api/orders/summary', async (request, reply) => {
    if (authenticate(request, reply, tokens, 'notes:read') === undefined) return reply;
    const query = summaryQuery.safeParse(request.query);
    if (!query.success) return reply.code(400).send({ error: 'invalid_request', message: 'prefix: is needed' });
    const items = [...orders.values()].filter(({ item }) => item.startsWith(query.data.prefix)).map(({ item }) => item);
    return { orders: items.length, items: new Set(items).size };
  });
}
