import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Reply, SentRequest } from '@keyward/vendor-emulation';
import type { AccessTokenInfo } from '../store/access-tokens.js';
import type { OAuthRecords } from '../store/oauth-records.js';
import type { Vendors } from './vendors.js';

const PREFIX = /^\/vendors\/[^/?]+/;

/** `/vendors/<name>/…`: the vendors' APIs, for access tokens of clients that are registered as theirs. For a scope with raw bodies. */
export function registerVendors(app: FastifyInstance, vendors: Vendors, records: OAuthRecords): void {
  const caller = (name: string, token: string | undefined): AccessTokenInfo | undefined => {
    const info = token === undefined ? undefined : records.accessTokens.find(token);
    return info !== undefined && records.find('Client', info.client)?.['vendor'] === name ? info : undefined;
  };

  app.post<{ Params: { vendor: string } }>('/vendors/:vendor/oauth/revoke', async (request, reply) => {
    const info = caller(request.params.vendor, request.headers.authorization?.slice('Bearer '.length));
    if (info?.grant === undefined) return refuse(reply, 401, 'The access token is unknown, expired or revoked.');
    records.revokeGrant(info.grant);
    return { success: true };
  });

  app.all<{ Params: { vendor: string } }>('/vendors/:vendor/*', async (incoming, reply) => {
    const { vendor: name } = incoming.params;
    const vendor = vendors.get(name);
    if (vendor === undefined) return refuse(reply, 404, `No vendor ${name} is emulated here.`);
    const { token, request } = vendor.apart(sent(incoming));
    const info = caller(name, token);
    if (info === undefined) {
      return refuse(
        reply.header('WWW-Authenticate', 'Bearer'),
        401,
        'The access token is unknown, expired, revoked or for another API.',
      );
    }
    if (!Object.keys(vendor.scopes).some((scope) => info.scopes.has(scope))) {
      return refuse(reply, 403, `The access token has no scope of ${vendor.title}.`);
    }
    const { problems, reply: answer } = await vendor.hear(request, info.scopes);
    if (problems.length > 0)
      return refuse(reply, 400, `The request is not as ${vendor.title} describes it: ${problems.join('; ')}`);
    return send(reply, answer);
  });
}

function sent(incoming: FastifyRequest): SentRequest {
  const url = new URL(incoming.url.replace(PREFIX, '') || '/', 'http://vendor.invalid').href;
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
  return { method: incoming.method, url, headers, body: Buffer.isBuffer(incoming.body) ? incoming.body : undefined };
}

function send(reply: FastifyReply, { status, headers, body }: Reply): FastifyReply {
  reply.code(status).headers(headers);
  if (body === undefined) return reply.send();
  const raw = typeof body === 'string' || Buffer.isBuffer(body);
  return raw ? reply.send(body) : reply.type('application/json').send(JSON.stringify(body));
}

/** Told where most vendors tell it: `message`, and `errors` with one. */
function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply
    .code(status)
    .type('application/json')
    .send(JSON.stringify({ message, errors: [{ message }] }));
}
