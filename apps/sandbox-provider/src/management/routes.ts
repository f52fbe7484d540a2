import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { errors, type Provider } from 'oidc-provider';
import { z } from 'zod';
import type { Accounts } from '../oauth/accounts.js';
import type { Counters } from '../oauth/counters.js';
import { faultSchema, type Faults } from '../oauth/faults.js';
import { TOKEN_EXCHANGE } from '../oauth/token-exchange.js';
import type { ApiKeys } from '../store/api-keys.js';
import type { OAuthRecords } from '../store/oauth-records.js';
import type { Vendors } from '../vendors/vendors.js';
import { issueGrants } from './issue-grants.js';

const GRANT_TYPES = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
  TOKEN_EXCHANGE,
] as const;
const clientBody = z.strictObject({
  client_id: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,100}$/)
    .optional(),
  client_secret: z.string().min(16).max(200).optional(),
  client_name: z.string().min(1).max(100).default('Keyward'),
  redirect_uris: z.array(z.url()).max(100).default([]),
  grant_types: z.array(z.enum(GRANT_TYPES)).min(1).optional(),
  token_endpoint_auth_method: z.enum(['client_secret_basic', 'client_secret_post', 'none']).optional(),
  rotate_refresh_tokens: z.boolean().default(true),
  /** The emulated vendor that it is a client of; left out, the notes. */
  vendor: z.string().optional(),
});
const expireBody = z.strictObject({ user: z.string().optional() }).default({});
const revokeBody = z.strictObject({ grant: z.string().optional(), user: z.string().optional(), client: z.string().optional() });
const apiKeyBody = z.strictObject({ user: z.string() });
const issueBody = z.strictObject({
  client_id: z.string(),
  user: z.string(),
  scope: z.string().default('notes:read notes:write'),
  count: z.int().min(1).max(10_000).default(1),
  /** Seconds that the access tokens live; those that come after them live as long as any. */
  expires_in: z.int().min(1).max(86_400).optional(),
  /** RFC 8707: what the tokens are good for; left out, the notes API. */
  resource: z.url().optional(),
});

export interface ManagementParts {
  token: string;
  provider: Provider;
  records: OAuthRecords;
  accounts: Accounts;
  counters: Counters;
  faults: Faults;
  apiKeys: ApiKeys;
  vendors: Vendors;
}

/** Registration of clients, and the levers of tests. Behind a token of its own; a real provider has no such door. */
export function registerManagement(app: FastifyInstance, parts: ManagementParts): void {
  const { provider, records, accounts, counters, faults, apiKeys, vendors } = parts;
  const expected = digest(`Bearer ${parts.token}`);

  app.addHook('onRequest', async (request, reply) => {
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) return;
    return reply.code(401).header('WWW-Authenticate', 'Bearer realm="sandbox management"').send({ error: 'unauthenticated' });
  });
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof z.ZodError) {
      return reply.code(400).send({ error: 'invalid_request', message: z.prettifyError(error) });
    }
    if (error instanceof errors.OIDCProviderError) {
      return reply.code(400).send({ error: error.error, message: error.error_description });
    }
    return reply.send(error);
  });

  app.post('/sandbox/clients', async (request, reply) => {
    const body = clientBody.parse(request.body);
    if (body.vendor !== undefined && vendors.get(body.vendor) === undefined)
      return reply.code(404).send({ error: 'not_found', message: 'No such vendor is emulated here.' });
    const hasCodes = body.grant_types?.includes('authorization_code') ?? true;
    const client = {
      ...body,
      ...(hasCodes ? {} : { response_types: [] }),
      client_id: body.client_id ?? `client_${randomBytes(8).toString('hex')}`,
      ...(body.token_endpoint_auth_method === 'none'
        ? {}
        : { client_secret: body.client_secret ?? randomBytes(32).toString('base64url') }),
    };
    // A client that oidc-provider refuses would, once stored, break every later request in its name.
    await provider.Client.validate(client);
    records.upsert('Client', client.client_id, client, undefined);
    return reply.code(201).send(client);
  });

  app.get('/sandbox/tokens', async () => ({ counters, grants: records.grants(), faults: faults.pending() }));
  /** Without the grants, which are many under load. */
  app.get('/sandbox/counters', async () => ({ ...counters, refusedAccessTokens: records.accessTokens.refused }));
  app.post('/sandbox/tokens/expire', async (request) => {
    const { user } = expireBody.parse(request.body ?? undefined);
    return { expired: records.expireAccessTokens(user) };
  });
  app.post('/sandbox/tokens/revoke', async (request) => {
    const { grant, user, client } = revokeBody.parse(request.body);
    const matches = records
      .grants()
      .filter(
        (one) =>
          (grant === undefined || one.grant === grant) &&
          (user === undefined || one.user === user) &&
          (client === undefined || one.client === client),
      );
    for (const one of matches) records.revokeGrant(one.grant);
    return { revoked: matches.length };
  });
  app.post('/sandbox/tokens/issue', async (request, reply) => {
    const body = issueBody.parse(request.body);
    const tokens = await issueGrants(provider, accounts, body);
    if (tokens === undefined) return reply.code(404).send({ error: 'not_found', message: 'No such client or user.' });
    return reply.code(201).send({ tokens });
  });

  app.post('/sandbox/api-keys', async (request, reply) => {
    const { user } = apiKeyBody.parse(request.body);
    if (!accounts.names.includes(user)) return reply.code(404).send({ error: 'not_found', message: 'No such user.' });
    return reply.code(201).send(apiKeys.create(user));
  });
  app.delete<{ Params: { id: string } }>('/sandbox/api-keys/:id', async (request, reply) =>
    apiKeys.revoke(request.params.id)
      ? reply.code(204).send()
      : reply.code(404).send({ error: 'not_found', message: 'No such key.' }),
  );

  app.post('/sandbox/faults', async (request, reply) => {
    faults.order(faultSchema.parse(request.body));
    return reply.code(201).send({ faults: faults.pending() });
  });
  app.delete('/sandbox/faults', async (_request, reply) => {
    faults.clear();
    return reply.code(204).send();
  });
}

const digest = (text: string) => createHash('sha256').update(text).digest();
