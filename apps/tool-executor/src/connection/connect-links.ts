import type { ProviderManifest } from '@keyward/connectors';
import { authRequests, connectSessionReplySchema, headers as names, type ConnectSessionRequest } from '@keyward/contracts';
import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node';
import { context, propagation } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { Call } from '../execute/call.js';
import { DEFAULT_ALIAS } from '../execute/call-query.js';

/** The caller waits for its answer, and gets it without a link rather than late. */
const TIMEOUT_MS = 2_000;

export interface WantedLink {
  scopes: readonly string[];
  /** Of the connection that is to be authorized again; left out, the one that calls use which name none. */
  alias?: string;
  /** What is known of it already, such as a subdomain. */
  parameters?: Record<string, string>;
}

export interface ConnectLinks {
  /** Empty where auth-service does not give one, for whatever reason: the error that was to carry it is more important. */
  create(call: Call, provider: ProviderManifest, wanted: WantedLink): Promise<{ connectUrl?: string }>;
}

/** Asks auth-service for a page on which the person can connect, for the agent whose call this is. */
export function connectLinksOverNats(nc: NatsConnection, logger: Pick<Logger, 'warn'>): ConnectLinks {
  return {
    create: async ({ request, msLeft }, provider, { scopes, alias = DEFAULT_ALIAS, parameters = {} }) => {
      const wanted: ConnectSessionRequest = {
        org: request.org,
        agent: request.agent,
        user: request.user,
        provider: provider.name,
        alias,
        scopes: [...new Set(scopes)],
        ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
      };
      try {
        const timeout = Math.max(1, Math.min(TIMEOUT_MS, msLeft));
        const answer = await nc.request(authRequests.createConnectSession, JSON.stringify(wanted), {
          timeout,
          headers: traced(),
        });
        const reply = connectSessionReplySchema.parse(answer.json());
        if (reply.outcome === 'created') return { connectUrl: reply.session.url };
        logger.warn({ code: reply.error.code, provider: provider.name }, 'auth-service gives no Connect link');
      } catch (error) {
        logger.warn({ err: error, provider: provider.name }, 'no Connect link could be had');
      }
      return {};
    },
  };
}

function traced() {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  const headers = createHeaders();
  for (const name of [names.traceparent, names.tracestate]) {
    const value = carrier[name];
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}
