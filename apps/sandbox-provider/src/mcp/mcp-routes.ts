import { createMcpHandler } from '@modelcontextprotocol/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { mcpResource } from '../oauth/features.js';
import { API_SCOPES } from '../oauth/scopes.js';
import type { AccessTokenInfo, AccessTokens } from '../store/access-tokens.js';
import type { Notes } from '../store/notes.js';
import { createNotesServer } from './mcp-server.js';

const SCHEME = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** An MCP server that is an OAuth protected resource: metadata (RFC 9728), challenge, and tokens for itself alone (RFC 8707). */
export function registerMcp(app: FastifyInstance, issuer: string, notes: Notes, tokens: AccessTokens): void {
  const resource = mcpResource(issuer);
  const metadataUrl = `${issuer}/.well-known/oauth-protected-resource/mcp`;

  app.get('/.well-known/oauth-protected-resource/mcp', async (_request, reply) =>
    reply.header('Cache-Control', 'max-age=3600').send({
      resource,
      authorization_servers: [issuer],
      scopes_supported: Object.keys(API_SCOPES),
      bearer_methods_supported: ['header'],
      resource_name: 'Sandbox notes',
    }),
  );

  const handler = createMcpHandler(({ authInfo }) => createNotesServer(notes, String(authInfo?.extra?.['user'])));
  app.addHook('onClose', () => handler.close());

  app.all('/mcp', async (request, reply) => {
    const value = SCHEME.exec(request.headers.authorization ?? '')?.[1];
    const token = value === undefined ? undefined : tokens.find(value, resource);
    if (value === undefined || token === undefined) return challenge(reply, metadataUrl, value);
    const { user, client: clientId, scopes } = token;
    const authInfo = { token: value, clientId, scopes: [...scopes], expiresAt: expiry(token), extra: { user } };
    const answer = await handler.fetch(webRequest(resource, request), { authInfo, parsedBody: request.body });
    return reply
      .code(answer.status)
      .headers(Object.fromEntries(answer.headers))
      .send(Buffer.from(await answer.arrayBuffer()));
  });
}

/** RFC 9728 section 5.1, RFC 6750 section 3: without a token there is no error to name. */
function challenge(reply: FastifyReply, metadataUrl: string, value: string | undefined): FastifyReply {
  const error = value === undefined ? '' : 'error="invalid_token", ';
  return reply
    .code(401)
    .header('WWW-Authenticate', `Bearer ${error}resource_metadata="${metadataUrl}", scope="${Object.keys(API_SCOPES).join(' ')}"`)
    .send({
      error: value === undefined ? 'unauthenticated' : 'invalid_token',
      message: 'This MCP server needs an access token.',
    });
}

function webRequest(url: string, { method, headers, body }: FastifyRequest): Request {
  const known = Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  const kept = known.filter(([name]) => name !== 'content-length' && name !== 'authorization');
  return new Request(url, { method, headers: kept, ...(method === 'POST' ? { body: JSON.stringify(body ?? null) } : {}) });
}

function expiry({ expiresAtMs }: AccessTokenInfo): number {
  return Math.floor(expiresAtMs / 1000);
}
