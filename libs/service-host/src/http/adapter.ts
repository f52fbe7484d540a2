import { FastifyAdapter } from '@nestjs/platform-fastify';
import { KeywardError, parseBoundedJson, REQUEST_BOUNDS, toProblem } from '@keyward/contracts';
import type { Tracer } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Histogram, type Registry } from 'prom-client';
import type { Logger } from 'pino';
import { Connections } from './connections.js';
import { endRequestSpan, methodOf, traceIdOf, traceRequests } from './server-span.js';
import { Routes } from './routes.js';

/** Long enough for the slowest honest upload of the largest body; a slow-loris ends here. */
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_PARAM_LENGTH = 256;

/** For an API that answers JSON; a page that needs more sets its own on the reply. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export interface HttpDoor {
  adapter: FastifyAdapter;
  instance: FastifyInstance;
  routes: Routes;
  connections: Connections;
}

interface HttpDoorOptions {
  logger: Logger;
  logRequests: boolean;
  metrics: Registry;
  tracer: Tracer;
}

/** Fastify as every HTTP door of ours has it: bounded JSON in, security headers out, traced, timed. No Nest middleware. */
export function createHttpDoor(options: HttpDoorOptions): HttpDoor {
  const adapter = new FastifyAdapter({
    bodyLimit: REQUEST_BOUNDS.maxBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    skipMiddie: true,
    frameworkErrors: (_error: unknown, _request: unknown, reply: FastifyReply) => {
      const problem = toProblem(new KeywardError('invalid_request', 'The URL is malformed.'));
      void reply.headers(SECURITY_HEADERS).status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
    },
  });
  const instance = adapter.getInstance<FastifyInstance>();
  const routes = new Routes();
  routes.watch(instance);
  traceRequests(instance, options.tracer);
  instance.addHook('onRequest', (_request, reply, done) => {
    void reply.headers(SECURITY_HEADERS);
    done();
  });
  acceptJsonOnly(instance);
  observeRequests(instance, options);
  return { adapter, instance, routes, connections: new Connections(instance.server) };
}

function acceptJsonOnly(instance: FastifyInstance): void {
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    try {
      // An announced but empty body is no body: the handler's schema says what is missing.
      done(null, body.byteLength === 0 ? undefined : parseBoundedJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
}

function observeRequests(instance: FastifyInstance, { logger, logRequests, metrics }: HttpDoorOptions): void {
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request line to the last byte of the answer.',
    labelNames: ['method', 'route', 'status_code'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [metrics],
  });
  const level = logRequests ? 'info' : 'debug';
  instance.addHook('onResponse', (request, reply, done) => {
    const elapsedMs = reply.elapsedTime;
    const route = request.routeOptions.url ?? 'unmatched';
    duration.observe({ method: methodOf(request), route, status_code: reply.statusCode }, elapsedMs / 1000);
    endRequestSpan(request, reply);
    if (logger.isLevelEnabled(level)) {
      const fields = { method: request.method, route, status: reply.statusCode, duration: Math.round(elapsedMs * 1000) / 1000 };
      logger[level]({ ...fields, trace_id: traceIdOf(request) }, 'request');
    }
    done();
  });
}
