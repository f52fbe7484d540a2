import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AccessTokens } from '../store/access-tokens.js';
import type { Notes } from '../store/notes.js';
import { authenticate } from './bearer.js';

const newDraft = z.strictObject({
  title: z.string().min(1).max(200),
  body: z.string().max(10_000).default(''),
  /** So often it is not ready when it is looked at; -1: never. */
  looks: z.int().min(-1).max(100).default(1),
});

interface Draft {
  user: string;
  title: string;
  body: string;
  looksLeft: number;
  isPublished: boolean;
}

const MOST_DRAFTS = 1_000;

/** Publishing as media providers do it: a draft is made, takes its time, and is published once it is ready. In memory. */
export function registerPublications(app: FastifyInstance, notes: Notes, tokens: AccessTokens): void {
  const drafts = new Map<string, Draft>();
  const draftOf = (user: string, id: string): Draft | undefined => {
    const draft = drafts.get(id);
    return draft?.user === user ? draft : undefined;
  };

  app.post('/api/drafts', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:write');
    if (caller === undefined) return reply;
    const draft = newDraft.safeParse(request.body);
    if (!draft.success) return reply.code(400).send({ error: 'invalid_request', message: 'title: 1 to 200 characters' });
    const { title, body, looks } = draft.data;
    const id = `draft_${randomUUID()}`;
    drafts.set(id, { user: caller.user, title, body, looksLeft: looks === -1 ? Infinity : looks, isPublished: false });
    const [oldest] = drafts.keys();
    if (drafts.size > MOST_DRAFTS && oldest !== undefined) drafts.delete(oldest);
    return reply.code(201).send({ id });
  });

  app.get<{ Params: { id: string } }>('/api/drafts/:id', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:read');
    if (caller === undefined) return reply;
    const draft = draftOf(caller.user, request.params.id);
    if (draft === undefined) return reply.code(404).send({ error: 'not_found', message: 'There is no such draft.' });
    const isReady = draft.looksLeft <= 0;
    draft.looksLeft -= 1;
    return { id: request.params.id, status: isReady ? 'READY' : 'IN_PROGRESS' };
  });

  app.post<{ Params: { id: string } }>('/api/drafts/:id/publish', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:write');
    if (caller === undefined) return reply;
    const draft = draftOf(caller.user, request.params.id);
    if (draft === undefined) return reply.code(404).send({ error: 'not_found', message: 'There is no such draft.' });
    if (draft.looksLeft >= 0 || draft.isPublished)
      return reply.code(409).send({ error: 'not_ready', message: 'This draft can not be published, or not yet.' });
    draft.isPublished = true;
    const creation = notes.create(caller.user, { title: draft.title, body: draft.body }, undefined);
    return creation.outcome === 'conflict' ? reply.code(409).send() : { published: { note: creation.note } };
  });
}
