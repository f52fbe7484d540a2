import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import rateLimit from '@fastify/rate-limit';
import { KeywardError } from '@keyward/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Our one form has two short fields. */
const FORM_BYTES = 4_096;
/** Addresses remembered at once; beyond it the oldest is forgotten. */
const RATE_LIMIT_CACHE = 10_000;

export async function registerPlugins(instance: FastifyInstance, trustedProxies: number): Promise<void> {
  await instance.register(cookie);
  await instance.register(formbody, { bodyLimit: FORM_BYTES });
  await instance.register(rateLimit, {
    // Only the routes that say so: those that anyone may call.
    global: false,
    cache: RATE_LIMIT_CACHE,
    keyGenerator: (request) => clientAddress(request, trustedProxies),
    errorResponseBuilder: (_request, { ttl }) =>
      new KeywardError('rate_limited', 'Too many requests from this address. Try again in a minute.', {
        details: { retryAfterMs: ttl },
      }),
  });
}

/** Each trusted proxy appended the address it saw; what stands further left is the client's own claim. */
export function clientAddress(request: Pick<FastifyRequest, 'headers' | 'socket'>, trustedProxies: number): string {
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  const seen = trustedProxies > 0 ? forwarded.at(-trustedProxies) : undefined;
  return seen ?? request.socket.remoteAddress ?? 'unknown';
}
