import rateLimit from '@fastify/rate-limit';
import { KeywardError } from '@keyward/contracts';
import type { FastifyInstance } from 'fastify';
import { clientAddress } from './client-address.js';
import type { ClientLimits } from './limits-config.js';

const WINDOW_MS = 60_000;
/** Addresses remembered at once; beyond it the oldest is forgotten. */
const CACHE = 10_000;

/** For the configuration of a route that anyone may call. All others are not touched, so that no authenticated call pays for it. */
export const PUBLIC_ROUTE = { rateLimit: {} };

export async function limitPublicRoutes(instance: FastifyInstance, limits: ClientLimits): Promise<void> {
  await instance.register(rateLimit, {
    global: false,
    max: limits.publicPerMinute,
    timeWindow: WINDOW_MS,
    cache: CACHE,
    keyGenerator: (request) => clientAddress(request, limits.trustedProxies),
    errorResponseBuilder: (_request, { ttl }) =>
      new KeywardError('rate_limited', 'Too many requests from this address. Try again in a minute.', {
        details: { retryAfterMs: ttl },
      }),
  });
}
