import { z } from 'zod';
import { idSchema, slugSchema, userIdSchema } from './ids.js';

export const connectionStatuses = ['pending', 'active', 'needs_reauthorization', 'revoked'] as const;
export type ConnectionStatus = (typeof connectionStatuses)[number];

/** `agent`: one user's account for one agent. `workspace`: authorized by an admin for the organization, used by the agents named. */
export const connectionKinds = ['agent', 'workspace'] as const;
export type ConnectionKind = (typeof connectionKinds)[number];

export const providerRevocationStates = ['pending', 'confirmed', 'not_supported', 'refused', 'given_up'] as const;
export type ProviderRevocationState = (typeof providerRevocationStates)[number];

/** How far the provider's own revocation of a disconnected account is: tried until there is an answer, this being the receipt. */
export const providerRevocationSchema = z.object({
  state: z.enum(providerRevocationStates),
  attempts: z.int(),
  requestedAt: z.iso.datetime(),
  settledAt: z.iso.datetime().nullable(),
});

export const refreshHindrances = ['provider_rejects_registration', 'backing_off'] as const;

/** How a connection's token is kept fresh. */
export const connectionRefreshSchema = z.object({
  /** `automatic`: renewed before it ends, without anybody. `none`: it does not end, or a person must authorize again. */
  kind: z.enum(['automatic', 'none']),
  /** When it is renewed next, unless it is asked for before; null where that is not planned. */
  dueAt: z.iso.datetime().nullable(),
  /** Unused for long: its next use renews it. */
  asleep: z.boolean(),
  /** Null where it has not been since it was authorized. */
  lastRefreshedAt: z.iso.datetime().nullable(),
  /** Attempts in a row that did not succeed. */
  failures: z.int(),
  /** When what it is renewed with ends, unless it is used before; null where it does not, or nobody says. */
  refreshTokenExpiresAt: z.iso.datetime().nullable(),
  /** Why it is not being renewed just now, although it could be. */
  waiting: z.enum(refreshHindrances).nullable(),
});
export type ConnectionRefresh = z.infer<typeof connectionRefreshSchema>;

/** Metadata of a connection, as agents and admins see it. Never a token. */
export const connectionSchema = z.object({
  id: idSchema('conn'),
  organization: idSchema('org'),
  kind: z.enum(connectionKinds),
  /** Null: it belongs to the workspace. */
  user: userIdSchema.nullable(),
  provider: z.string(),
  /** Null: it belongs to the workspace. */
  agent: idSchema('agt').nullable(),
  alias: z.string(),
  /** As the provider granted them, not as we asked. Locked: other scopes are another authorization. */
  scopes: z.array(z.string()),
  status: z.enum(connectionStatuses),
  statusReason: z.string().nullable(),
  /** What the manifest declares to differ per connection, such as a subdomain. No secret. */
  parameters: z.record(z.string(), z.string()),
  /** Whose account it is, in the provider's words, where its probe says. */
  account: z.object({ id: z.string().nullable(), name: z.string().nullable() }),
  authorizedBy: z.object({ kind: z.enum(['user', 'admin']), id: z.string() }).nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** When the access token ends; null where the provider does not say. It is refreshed before. */
  expiresAt: z.iso.datetime().nullable(),
  /** Of a workspace connection, to admins: the agents that may use it. */
  agents: z.array(idSchema('agt')).optional(),
  /** To admins. */
  refresh: connectionRefreshSchema.optional(),
  /** To admins: since when a person is asked to authorize again; null where nobody is. */
  reauthorizationAskedAt: z.iso.datetime().nullable().optional(),
  /** Of a revoked connection, to admins. */
  revocation: providerRevocationSchema.optional(),
});
export type Connection = z.infer<typeof connectionSchema>;

/** One of the authorizations that a connection has had, newest first in a history. */
export const connectionAuthorizationSchema = z.object({
  id: idSchema('auz'),
  generation: z.int(),
  requestedScopes: z.array(z.string()),
  /** As granted. */
  scopes: z.array(z.string()),
  authorizedBy: z.object({ kind: z.enum(['user', 'admin']), id: z.string() }),
  authorizedAt: z.iso.datetime(),
});
export type ConnectionAuthorization = z.infer<typeof connectionAuthorizationSchema>;

/** `POST /v1/connections/{id}/test`: what the provider said to the probe just now. */
export const connectionTestSchema = z.object({
  connection: idSchema('conn'),
  /** `not_supported`: the manifest declares no probe. */
  outcome: z.enum(['working', 'refused', 'unreachable', 'not_supported']),
  providerStatus: z.int().optional(),
  account: z.object({ id: z.string().nullable(), name: z.string().nullable() }),
  durationMs: z.number(),
  testedAt: z.iso.datetime(),
});
export type ConnectionTest = z.infer<typeof connectionTestSchema>;

/** `POST /v1/connections/revoke`: everything that matches, at least one filter being named; `everything` is the whole workspace. */
export const revokeConnectionsSchema = z
  .strictObject({
    organization: idSchema('org'),
    user: userIdSchema.optional(),
    agent: idSchema('agt').optional(),
    provider: slugSchema.optional(),
    everything: z.literal(true).optional(),
  })
  .refine(
    ({ user, agent, provider, everything }) =>
      (everything === true) === (user === undefined && agent === undefined && provider === undefined),
    'must name a user, an agent or a provider; or else everything: true',
  );
export type RevokeConnections = z.infer<typeof revokeConnectionsSchema>;

export const connectionEventNames = ['authorized', 'refreshed', 'needs_reauthorization', 'revoked', 'scopes_changed'] as const;
export type ConnectionEventName = (typeof connectionEventNames)[number];

/** Stream CONNECTIONS, subject `connection.<event>.<org>`. */
export const connectionEventSchema = z.object({
  id: idSchema('msg'),
  event: z.enum(connectionEventNames),
  at: z.iso.datetime(),
  org: idSchema('org'),
  connection: idSchema('conn'),
  /** Null for a workspace connection, as is the agent. */
  user: userIdSchema.nullable(),
  provider: z.string(),
  agent: idSchema('agt').nullable(),
  generation: z.int(),
  reason: z.string().optional(),
});
export type ConnectionEvent = z.infer<typeof connectionEventSchema>;

export const providerAppEventNames = ['rejected', 'accepted'] as const;
export type ProviderAppEventName = (typeof providerAppEventNames)[number];

/** Stream CONNECTIONS, subject `provider_app.<event>.<org>`. */
export const providerAppEventSchema = z.object({
  id: idSchema('msg'),
  event: z.enum(providerAppEventNames),
  at: z.iso.datetime(),
  org: idSchema('org'),
  providerApp: idSchema('app'),
  provider: z.string(),
  /** The provider's error code and what it means, for people. */
  reason: z.string().optional(),
});
export type ProviderAppEvent = z.infer<typeof providerAppEventSchema>;

/** Core broadcast on `control.refresh_paused`: nobody asks the authorization server of this lane for that long. */
export const refreshPausedSchema = z.object({ lane: z.string().min(1).max(1024), pauseMs: z.int().min(1).max(86_400_000) });
export type RefreshPaused = z.infer<typeof refreshPausedSchema>;

/**
 * Core broadcast on `control.provider_paused`: no tool-executor calls the provider for that long, as far as the key says: an organization,
 * one of its connections or its registration, the provider and a bucket of its quotas.
 */
export const providerPausedSchema = z.object({ key: z.string().min(1).max(600), pauseMs: z.int().min(1).max(86_400_000) });
export type ProviderPaused = z.infer<typeof providerPausedSchema>;

/** Core broadcast on `control.revoked`: every process drops what it has cached about the subject of the message. */
export const controlRevokedSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('connection'), org: idSchema('org'), connection: idSchema('conn') }),
  /** Many at once: all of the organization that match what is named. */
  z.object({
    kind: z.literal('connections'),
    org: idSchema('org'),
    user: userIdSchema.optional(),
    agent: idSchema('agt').optional(),
    provider: z.string().optional(),
  }),
  /** The agent may use this connection of the workspace no more; others still may. */
  z.object({ kind: z.literal('grantee'), org: idSchema('org'), agent: idSchema('agt'), connection: idSchema('conn') }),
  /** Its data keys are destroyed. */
  z.object({ kind: z.literal('organization'), org: idSchema('org') }),
  z.object({ kind: z.literal('agent'), org: idSchema('org'), agent: idSchema('agt') }),
  z.object({ kind: z.literal('agent_key'), org: idSchema('org'), agent: idSchema('agt'), key: idSchema('key') }),
]);
export type ControlRevoked = z.infer<typeof controlRevokedSchema>;

/** `POST /v1/connect-sessions`, at the gateway for the calling agent, at auth-service for any agent of the organization. */
export const createConnectSessionSchema = z.strictObject({
  user: userIdSchema,
  provider: slugSchema,
  alias: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
    .default('default'),
  /** Left out: the connector's default scopes. */
  scopes: z.array(z.string().min(1).max(256)).max(100).optional(),
  /** Where the person is sent at the end; must be one of the organization's registered return URLs. */
  returnUrl: z.url().max(2048).optional(),
  /** Connection parameters that are known already, such as a subdomain; the page asks for the others. */
  parameters: z.record(z.string().max(32), z.string().max(200)).optional(),
});
export type CreateConnectSession = z.infer<typeof createConnectSessionSchema>;

/** The same for an account of the workspace, which an admin authorizes: `POST /v1/connect-sessions` with kind `workspace`. */
export const createWorkspaceSessionSchema = createConnectSessionSchema.omit({ user: true }).extend({
  kind: z.literal('workspace'),
  /** Those that may use it. */
  agents: z.array(idSchema('agt')).max(100),
});
export type CreateWorkspaceSession = z.infer<typeof createWorkspaceSessionSchema>;

export const connectSessionStates = ['created', 'opened', 'redirected', 'completed', 'failed', 'cancelled', 'expired'] as const;

/** `GET /v1/connect-sessions/{id}`, for admins and for the agent that made it: how far the person is. */
export const connectSessionStatusSchema = z.object({
  id: idSchema('cse'),
  organization: idSchema('org'),
  kind: z.enum(connectionKinds),
  agent: idSchema('agt').nullable(),
  user: userIdSchema.nullable(),
  provider: z.string(),
  alias: z.string(),
  scopes: z.array(z.string()),
  state: z.enum(connectSessionStates),
  /** One word on why the last attempt did not succeed. */
  failure: z.string().nullable(),
  connection: idSchema('conn').nullable(),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
export type ConnectSessionStatus = z.infer<typeof connectSessionStatusSchema>;

export const connectSessionSchema = z.object({ id: idSchema('cse'), url: z.url(), expiresAt: z.iso.datetime() });
export type ConnectSession = z.infer<typeof connectSessionSchema>;
