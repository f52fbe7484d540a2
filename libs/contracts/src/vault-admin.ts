import { z } from 'zod';
import { organizationSchema } from './agent.js';
import { errorCodes } from './errors.js';
import { idSchema } from './ids.js';

/** `POST /v1/organizations/{id}/shred`: its data keys are destroyed, and with them every secret that it has sealed. */
export const shredOrganizationSchema = z.strictObject({
  /** The organization's slug, as a person would type it who means it. */
  confirm: z.string().max(63),
  /** How long providers have to confirm revocations before the keys, without which nobody can ask them, are gone. */
  revokeFirstSeconds: z.int().min(0).max(300).default(30),
});
export type ShredOrganization = z.infer<typeof shredOrganizationSchema>;
export const shreddedOrganizationSchema = z.object({
  organization: organizationSchema,
  connectionsRevoked: z.int(),
  dataKeysDestroyed: z.int(),
  /** Revocations that had no receipt when the keys were destroyed: those tokens end by themselves. */
  revocationsUnconfirmed: z.int(),
});
export type ShreddedOrganization = z.infer<typeof shreddedOrganizationSchema>;

/** `POST /v1/organizations/{id}/data-keys/rotate`. */
export const rotatedDataKeySchema = z.object({ organization: idSchema('org'), rotatedAt: z.iso.datetime() });

export const rewrapRequestSchema = z.strictObject({
  /** `resumeAfter` of an earlier run. */
  after: idSchema('org').optional(),
});
/** `POST /v1/vault/rewrap` answers one of these a line (NDJSON) while it works, and a report as the last line. */
export const rewrapProgressSchema = z.object({
  /** Data keys whose new wrapping is stored. */
  processed: z.int(),
  failed: z.int(),
  /** Pass it as `after` to go on from here. */
  resumeAfter: idSchema('org').nullable(),
});
export type RewrapProgress = z.infer<typeof rewrapProgressSchema>;
export const rewrapReportSchema = rewrapProgressSchema.extend({
  /** Whether every data key of every organization is wrapped anew. */
  complete: z.boolean(),
  failures: z.array(z.object({ organization: idSchema('org'), dataKey: z.string(), code: z.enum(errorCodes) })),
  /** Why it ended early. */
  stoppedBy: z.enum(errorCodes).optional(),
});
export type RewrapSummary = z.infer<typeof rewrapReportSchema>;
