import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { clientAddress } from './client-address.js';
import { FailedAttempts } from './failed-attempts.js';
import type { ClientLimits } from './limits-config.js';

/** Credentials that were accepted lately: nobody is locked out by failures of others behind the same proxy. */
const PROVEN = { max: 1_000, ttl: 600_000 };
const API = '/v1/';

/** By the route that was found: what stands in the request can be written in many ways. */
function isApi({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url?.startsWith(API) === true;
}

/**
 * Whoever guesses credentials at the API, and makes the database look for what does not exist, is slowed down by address: 401 first, then
 * 429 before anything is looked up.
 */
export function limitFailedAuthentications(instance: FastifyInstance, limits: ClientLimits): void {
  const attempts = new FailedAttempts({ burst: limits.failedAuthentications });
  const proven = new LRUCache<string, true>(PROVEN);
  const addressOf = (request: FastifyRequest) => clientAddress(request, limits.trustedProxies);

  instance.addHook('onRequest', async (request) => {
    if (!isApi(request)) return;
    const digest = credentialsDigest(request);
    if (digest !== undefined && proven.has(digest)) return;
    attempts.requireRoom(addressOf(request));
  });
  instance.addHook('onResponse', (request, reply, done) => {
    if (isApi(request)) {
      const digest = credentialsDigest(request);
      if (reply.statusCode === 401) attempts.failed(addressOf(request));
      else if (reply.statusCode < 400 && digest !== undefined) proven.set(digest, true);
    }
    done();
  });
}

function credentialsDigest({ headers }: FastifyRequest): string | undefined {
  const shown = headers.authorization ?? headers.cookie;
  return shown === undefined ? undefined : createHash('sha256').update(shown).digest('base64url');
}
