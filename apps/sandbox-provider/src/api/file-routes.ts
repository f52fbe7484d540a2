import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AccessTokens } from '../store/access-tokens.js';
import type { Files, StoredFile } from '../store/files.js';
import { authenticate } from './bearer.js';

const NAME = /^[A-Za-z0-9._-]{1,100}$/;
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(?:; ?[\w=.-]+)*$/;
const newUpload = z.strictObject({
  name: z.string().regex(NAME),
  type: z.string().max(100).regex(MEDIA_TYPE).default('application/octet-stream'),
});

/** In a scope of its own: it reads every body as bytes. */
export function registerFiles(app: FastifyInstance, files: Files, tokens: AccessTokens): void {
  app.put<{ Params: { name: string }; Body: Buffer | undefined }>('/api/files/:name', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:write');
    if (caller === undefined) return reply;
    const { name } = request.params;
    if (!NAME.test(name)) return reply.code(400).send({ error: 'invalid_request', message: 'This is no name for a file.' });
    const type = request.headers['content-type'] ?? 'application/octet-stream';
    const file = { name, type, content: request.body ?? Buffer.alloc(0) };
    files.put(caller.user, file);
    return reply.code(201).send(summaryOf(file));
  });

  app.get<{ Params: { name: string } }>('/api/files/:name', async (request, reply) => {
    const caller = authenticate(request, reply, tokens, 'notes:read');
    if (caller === undefined) return reply;
    const file = files.get(caller.user, request.params.name);
    if (file === undefined) return reply.code(404).send({ error: 'not_found', message: 'There is no such file.' });
    return reply.header('Content-Type', file.type).send(file.content);
  });

  app.put<{ Params: { id: string }; Body: Buffer | undefined }>('/api/uploads/:id', async (request, reply) => {
    if (carriesCredential(request)) {
      const message = 'Whoever knows this address needs no credential, and must not send one.';
      return reply.code(400).send({ error: 'credential_leaked', message });
    }
    const file = files.receive(request.params.id, request.body ?? Buffer.alloc(0));
    return file === undefined
      ? reply.code(404).send({ error: 'not_found', message: 'There is no such upload.' })
      : summaryOf(file);
  });
}

/** Where the file itself is to be left: an address for one upload. */
export function registerUploads(app: FastifyInstance, origin: string, files: Files, tokens: AccessTokens): void {
  app.post('/api/uploads', async (request: FastifyRequest, reply: FastifyReply) => {
    const caller = authenticate(request, reply, tokens, 'notes:write');
    if (caller === undefined) return reply;
    const upload = newUpload.safeParse(request.body);
    if (!upload.success)
      return reply.code(400).send({ error: 'invalid_request', message: 'name: 1 to 100 of A-Z a-z 0-9 . _ -' });
    const id = files.open(caller.user, upload.data.name, upload.data.type);
    return reply.code(201).send({ name: upload.data.name, uploadUrl: `${origin}/api/uploads/${id}` });
  });
}

function carriesCredential({ headers, url }: FastifyRequest): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined || url.includes('?');
}

function summaryOf({ name, type, content }: StoredFile) {
  return { name, type, size: content.length };
}
