import { z } from 'zod';
import { idSchema, userIdSchema } from './ids.js';

export const connectionStatuses = ['pending', 'active', 'needs_reauthorization', 'revoked'] as const;
export type ConnectionStatus = (typeof connectionStatuses)[number];

export const providerRevocationStates = ['pending', 'confirmed', 'not_supported', 'refused', 'given_up'] as const;
export type ProviderRevocationState = (typeof providerRevocationStates)[number];

/** How far the provider's own revocation of a disconnected account is: tried until there is an answer, this being the receipt. */
export const providerRevocationSchema = z.object({
  state: z.enum(providerRevocationStates),
  attempts: z.int(),
  requestedAt: z.iso.datetime(),
  settledAt: z.iso.datetime().nullable(),
});

/** Metadata of a connection, as agents and admins see it. Never a token. */
export const connectionSchema = z.object({
  id: idSchema('conn'),
  organization: idSchema('org'),
  user: userIdSchema,
  provider: z.string(),
  agent: idSchema('agt'),
  alias: z.string(),
  /** As the provider granted them, not as we asked. */
  scopes: z.array(z.string()),
  status: z.enum(connectionStatuses),
  statusReason: z.string().nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** When the access token ends; null where the provider does not say. It is refreshed before. */
  expiresAt: z.iso.datetime().nullable(),
  /** Of a revoked connection, to admins. */
  revocation: providerRevocationSchema.optional(),
});
export type Connection = z.infer<typeof connectionSchema>;

export const connectionEventNames = ['authorized', 'refreshed', 'needs_reauthorization', 'revoked', 'scopes_changed'] as const;
export type ConnectionEventName = (typeof connectionEventNames)[number];

/** Stream CONNECTIONS, subject `connection.<event>.<org>`. */
export const connectionEventSchema = z.object({
  id: idSchema('msg'),
  event: z.enum(connectionEventNames),
  at: z.iso.datetime(),
  org: idSchema('org'),
  connection: idSchema('conn'),
  user: userIdSchema,
  provider: z.string(),
  agent: idSchema('agt'),
  generation: z.int(),
  reason: z.string().optional(),
});
export type ConnectionEvent = z.infer<typeof connectionEventSchema>;

/** Core broadcast on `control.revoked`: every process drops what it has cached about the subject of the message. */
export const controlRevokedSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('connection'), org: idSchema('org'), connection: idSchema('conn') }),
  z.object({ kind: z.literal('agent'), org: idSchema('org'), agent: idSchema('agt') }),
  z.object({ kind: z.literal('agent_key'), org: idSchema('org'), agent: idSchema('agt'), key: idSchema('key') }),
]);
export type ControlRevoked = z.infer<typeof controlRevokedSchema>;

/** `POST /v1/connect-sessions`, at the gateway for the calling agent, at auth-service for any agent of the organization. */
export const createConnectSessionSchema = z.strictObject({
  user: userIdSchema,
  provider: z.string().min(1).max(64),
  alias: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
    .default('default'),
  /** Left out: the connector's default scopes. */
  scopes: z.array(z.string().min(1).max(256)).max(100).optional(),
  /** Where the person is sent at the end; must be one of the organization's registered return URLs. */
  returnUrl: z.url().max(2048).optional(),
});
export type CreateConnectSession = z.infer<typeof createConnectSessionSchema>;

export const connectSessionSchema = z.object({ id: idSchema('cse'), url: z.url(), expiresAt: z.iso.datetime() });
export type ConnectSession = z.infer<typeof connectSessionSchema>;
