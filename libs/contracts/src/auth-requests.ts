import { z } from 'zod';
import { connectSessionSchema, createConnectSessionSchema } from './connection.js';
import { idSchema } from './ids.js';
import { memberRoles } from './member.js';
import { problemSchema } from './problem.js';

/**
 * Core NATS micro-service `auth.v1` in account KEYWARD: what trusted services ask of auth-service. The asker vouches for org and
 * agent; no agent can publish in this account.
 */
export const authRequests = {
  createConnectSession: 'auth.v1.create_connect_session',
  authenticateWorkload: 'auth.v1.authenticate_workload',
  authenticatePerson: 'auth.v1.authenticate_person',
} as const;

export const connectSessionRequestSchema = createConnectSessionSchema.extend({
  org: idSchema('org'),
  agent: idSchema('agt'),
});
export type ConnectSessionRequest = z.infer<typeof connectSessionRequestSchema>;

export const connectSessionReplySchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('created'), session: connectSessionSchema }),
  z.object({ outcome: z.literal('failed'), error: problemSchema }),
]);
export type ConnectSessionReply = z.infer<typeof connectSessionReplySchema>;

/** Whose is this workload identity token? Asked by the gateway, which has no way out of its own. */
export const workloadRequestSchema = z.object({ token: z.string().min(1).max(16_384) });

export const workloadReplySchema = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('authenticated'),
    org: idSchema('org'),
    agent: idSchema('agt'),
    subject: z.string(),
    /** Until when the token counts. */
    expiresAt: z.iso.datetime(),
  }),
  z.object({ outcome: z.literal('failed'), error: problemSchema }),
]);
export type WorkloadReply = z.infer<typeof workloadReplySchema>;

/** Does this token of a command line (`kwp_…`) belong to a member of the organization with this role, or more? Asked by audit-service. */
export const personRequestSchema = z.object({
  token: z.string().min(1).max(512),
  org: z.string().min(1).max(64),
  role: z.enum(memberRoles),
});
export type PersonRequest = z.infer<typeof personRequestSchema>;

/** Refusals: `unauthenticated`, `not_found` (no member, or no such organization), `forbidden`. */
export const personReplySchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('authenticated'), member: z.string() }),
  z.object({ outcome: z.literal('failed'), error: problemSchema }),
]);
export type PersonReply = z.infer<typeof personReplySchema>;
