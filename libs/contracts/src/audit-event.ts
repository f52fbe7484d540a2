import { z } from 'zod';
import { idSchema } from './ids.js';
import { errorCodes } from './errors.js';
import { executionStates } from './execution.js';

export const AUDIT_SCHEMA_VERSION = 1;

export const auditEventTypes = [
  'execution.completed',
  'execution.waiting',
  'organization.created',
  'organization.updated',
  'organization.shredded',
  'member.added',
  'member.role_changed',
  'member.removed',
  'person.signed_in',
  'agent.created',
  'agent.manifest_applied',
  'agent_key.created',
  'agent_key.rotated',
  'agent_key.revoked',
  'trusted_issuer.added',
  'trusted_issuer.removed',
  'workload_binding.added',
  'workload_binding.removed',
  'token_release.granted',
  'token_release.withdrawn',
  'connector.posted',
  'connector.removed',
  'connector.overlaid',
  'connector.overlay_removed',
  'data_key.rotated',
  'user.erased',
  'agent.nats_credentials_issued',
  'assignment.changed',
  'provider_app.created',
  'provider_app.updated',
  'provider_app.removed',
  'provider_app.rejected',
  'provider_app.accepted',
  'webhook_endpoint.added',
  'webhook_endpoint.updated',
  'webhook_endpoint.removed',
  'webhook_endpoint.disabled',
  'dead_letter.replayed',
  'dead_letter.discarded',
  'connect_session.created',
  'connection.authorized',
  'connection.scopes_changed',
  'connection.grantees_changed',
  'connection.tested',
  'connection.token_released',
  'connection.token_refused',
  'connection.authorization_failed',
  'connection.refreshed',
  'connection.refresh_failed',
  'connection.needs_reauthorization',
  'connection.revoked',
  'connection.revoked_at_provider',
  'connection.provider_revocation_failed',
  'audit.read',
  'audit.exported',
  'audit.verified',
  'audit.hold_placed',
  'audit.hold_released',
  'audit.retention_applied',
  'usage.read',
  'budget.created',
  'budget.updated',
  'budget.removed',
  'budget.warned',
  'budget.exceeded',
] as const;
export type AuditEventType = (typeof auditEventTypes)[number];

/** Stream AUDIT, subject `audit.<org>`. Structured only; bodies and arguments are never recorded, only what identifies the call. */
export const auditEventSchema = z.object({
  id: idSchema('evt'),
  version: z.literal(AUDIT_SCHEMA_VERSION),
  type: z.enum(auditEventTypes),
  /** When it happened, RFC 3339 UTC with milliseconds. */
  at: z.iso.datetime(),
  org: idSchema('org'),
  actor: z.object({ kind: z.enum(['agent', 'admin', 'user', 'service']), id: z.string().max(200) }),
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  agent: z.string().optional(),
  user: z.string().optional(),
  provider: z.string().optional(),
  connection: z.string().optional(),
  execution: z.string().optional(),
  tool: z.string().optional(),
  toolVersion: z.string().max(64).optional(),
  /** The tool behind a unified one. */
  nativeTool: z.string().optional(),
  state: z.enum(executionStates).optional(),
  errorCode: z.enum(errorCodes).optional(),
  /** The provider's HTTP status. */
  providerStatus: z.int().optional(),
  attempts: z.int().optional(),
  durationMs: z.number().optional(),
  generation: z.int().optional(),
  scopes: z.array(z.string()).optional(),
  reason: z.string().max(500).optional(),
  /** What a call cost as its tool declares, in millionths of the deployment's currency. */
  costMicros: z.int().min(0).optional(),
  /** The arguments of a call, redacted; only where the deployment records them. */
  arguments: z.record(z.string(), z.json()).optional(),
  /** What an act of administration was about: an id, or what was asked for. */
  target: z.string().max(200).optional(),
});
export type AuditEvent = z.infer<typeof auditEventSchema>;

/** A stored event: its place in the organization's chain. `GET /v1/events` answers `{events: AuditRecord[], nextCursor}`. */
export const auditRecordSchema = z.object({
  event: auditEventSchema,
  /** 1, 2, 3 … per organization, without gaps. */
  seq: z.int(),
  /** Hex SHA-256. Of seq 1: 64 zeros. */
  prevHash: z.string(),
  hash: z.string(),
});
export type AuditRecord = z.infer<typeof auditRecordSchema>;
