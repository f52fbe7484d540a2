import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { AccessTokens } from '../store/access-tokens.js';
import type { Notes } from '../store/notes.js';
import { authenticate } from './bearer.js';

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number)
    .optional(),
});
const newNote = z.strictObject({ title: z.string().min(1).max(200), body: z.string().max(10_000).default('') });
const idempotencyKey = z.string().min(1).max(255).optional();

export function registerNotes(app: FastifyInstance, notes: Notes, tokens: AccessTokens): void {
  app.get('/api/notes', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:read');
    if (caller === undefined) return reply;
    const query = listQuery.safeParse(request.query);
    if (!query.success) return invalid(reply, query.error);
    const page = notes.list(caller.user, query.data.limit, query.data.cursor);
    return { notes: page.notes, nextCursor: page.next === undefined ? null : String(page.next) };
  });

  app.get<{ Params: { id: string } }>('/api/notes/:id', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:read');
    if (caller === undefined) return reply;
    return notes.get(caller.user, request.params.id) ?? notFound(reply);
  });

  app.post('/api/notes', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:write');
    if (caller === undefined) return reply;
    const content = newNote.safeParse(request.body);
    if (!content.success) return invalid(reply, content.error);
    const key = idempotencyKey.safeParse(request.headers['idempotency-key']);
    if (!key.success) return invalid(reply, key.error);

    const creation = notes.create(caller.user, content.data, key.data);
    if (creation.outcome === 'conflict') {
      return reply.code(422).send({ error: 'idempotency_conflict', message: 'This Idempotency-Key came with another note.' });
    }
    if (creation.outcome === 'replayed') reply.header('Idempotent-Replayed', 'true');
    return reply.code(201).header('Location', `/api/notes/${creation.note.id}`).send(creation.note);
  });

  app.delete<{ Params: { id: string } }>('/api/notes/:id', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:write');
    if (caller === undefined) return reply;
    return notes.delete(caller.user, request.params.id) ? reply.code(204).send() : notFound(reply);
  });
}

/** Somebody else's note and no note at all look the same. */
function notFound(reply: FastifyReply) {
  return reply.code(404).send({ error: 'not_found', message: 'There is no such note.' });
}

function invalid(reply: FastifyReply, error: z.ZodError) {
  const problems = error.issues.map((issue) => `${issue.path.join('.') || 'value'}: ${issue.message}`);
  return reply.code(400).send({ error: 'invalid_request', message: problems.join('; ') });
}
