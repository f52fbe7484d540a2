import { z } from 'zod';
import { connectionKinds } from './connection.js';
import { idSchema, slugSchema, userIdSchema } from './ids.js';

const agentsSchema = z.array(idSchema('agt')).max(1000);

/** `PUT /v1/connections/{id}/agents`: who may use a workspace connection, and nobody else. */
export const replaceConnectionAgentsSchema = z.strictObject({ organization: idSchema('org'), agents: agentsSchema });

/** `POST /v1/connections`: connects without a browser at the provider. A live connection of the same key keeps its id. */
export const createConnectionSchema = z
  .strictObject({
    organization: idSchema('org'),
    kind: z.enum(connectionKinds).default('agent'),
    /** Of kind agent. */
    agent: idSchema('agt').optional(),
    user: userIdSchema.optional(),
    /** Of kind workspace: who may use it. */
    agents: agentsSchema.optional(),
    provider: slugSchema,
    alias: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
      .default('default'),
    /** RFC 6749 section 3.3. Left out: the connector's default scopes. */
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'must be a scope of RFC 6749 section 3.3'))
      .max(100)
      .optional(),
    parameters: z.record(z.string().max(32), z.string().max(200)).default({}),
    /** API key, `username:password`, subject token or private key: what the kind of grant asks for. Never answered. */
    secret: z.string().min(1).max(16_384).optional(),
    /** Whether the provider is asked before anything is stored, where the manifest declares a probe. */
    probe: z.boolean().default(true),
  })
  .refine(
    ({ kind, agent, user, agents }) =>
      kind === 'agent'
        ? agent !== undefined && user !== undefined && agents === undefined
        : agent === undefined && user === undefined && agents !== undefined,
    'kind agent names an agent and a user; kind workspace names agents, and no user',
  );
export type CreateConnection = z.infer<typeof createConnectionSchema>;

/** What `POST /v1/connections/revoke` did: connections revoked, and workspace connections that the agent may no longer use. */
export const revokedConnectionsSchema = z.object({ revoked: z.int(), withdrawn: z.int() });
export type RevokedConnections = z.infer<typeof revokedConnectionsSchema>;

/** `DELETE /v1/users/{user}`: what was found of the person, none of which names them any more. */
export const erasedUserSchema = z.object({
  user: userIdSchema,
  connections: z.int(),
  sessions: z.int(),
  erasedAt: z.iso.datetime(),
});
export type ErasedUser = z.infer<typeof erasedUserSchema>;
