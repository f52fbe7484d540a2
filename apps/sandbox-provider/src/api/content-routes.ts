import type { FastifyInstance } from 'fastify';
import type { AccessTokens } from '../store/access-tokens.js';
import { authenticate } from './bearer.js';

interface Part {
  name: string;
  value?: string;
  filename?: string;
  type?: string;
  bytes?: number;
  base64?: string;
}

/** What arrives as a form, or as a form with files, told back. */
export function registerForms(app: FastifyInstance, tokens: AccessTokens): void {
  app.post('/api/form', async (request, reply) => {
    if (authenticate(request, reply, tokens) === undefined) return reply;
    return { contentType: request.headers['content-type'] ?? null, fields: request.body ?? {} };
  });
}

/** In a scope of its own: it reads every body as bytes. */
export function registerMultipart(app: FastifyInstance, tokens: AccessTokens): void {
  app.post<{ Body: Buffer }>('/api/multipart', async (request, reply) => {
    if (authenticate(request, reply, tokens) === undefined) return reply;
    const contentType = request.headers['content-type'] ?? '';
    try {
      const form = await new Response(new Uint8Array(request.body), { headers: { 'content-type': contentType } }).formData();
      return { parts: await Promise.all([...form].map(([name, value]) => partOf(name, value))) };
    } catch {
      return reply.code(400).send({ error: 'invalid_request', message: 'This is no multipart/form-data.' });
    }
  });
}

async function partOf(name: string, value: string | File): Promise<Part> {
  if (typeof value === 'string') return { name, value };
  const content = Buffer.from(await value.arrayBuffer());
  return { name, filename: value.name, type: value.type, bytes: content.length, base64: content.toString('base64') };
}
