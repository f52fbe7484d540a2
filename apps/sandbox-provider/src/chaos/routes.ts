import type { FastifyInstance } from 'fastify';
import type { Chaos } from './chaos.js';
import { orderSchema } from './order.js';

/** For the scope of the management, whose token they need. */
export function registerChaos(management: FastifyInstance, chaos: Chaos): void {
  management.get('/sandbox/chaos', async () => ({ orders: chaos.reports() }));

  management.post('/sandbox/chaos', async (request, reply) => {
    const report = chaos.order(orderSchema.parse(request.body));
    if (report !== undefined) return reply.code(201).send(report);
    return reply.code(409).send({ error: 'too_many_orders', message: 'There are too many orders. Withdraw some first.' });
  });

  management.delete('/sandbox/chaos', async (_request, reply) => {
    chaos.clear();
    return reply.code(204).send();
  });
  management.delete<{ Params: { id: string } }>('/sandbox/chaos/:id', async (request, reply) => {
    const report = chaos.withdraw(request.params.id);
    return report ?? reply.code(404).send({ error: 'not_found', message: 'There is no such order.' });
  });
}
