import { z } from 'zod';
import { idSchema } from './ids.js';

/** What calls can be counted by, in the order in which groups are told and sorted. */
export const usageDimensions = ['organization', 'day', 'agent', 'user', 'connector', 'tool', 'state'] as const;
export type UsageDimension = (typeof usageDimensions)[number];

/** `YYYY-MM-DD`, UTC. */
export const daySchema = z.iso.date();

/**
 * Calls that have come to their end, and what they took. It names what it was grouped by and nothing else; null where the calls did not say,
 * such as a call of a tool that does not exist, which has no connector.
 */
export const usageGroupSchema = z.object({
  organization: idSchema('org').optional(),
  day: daySchema.optional(),
  agent: z.string().nullable().optional(),
  user: z.string().nullable().optional(),
  connector: z.string().nullable().optional(),
  tool: z.string().nullable().optional(),
  state: z.string().optional(),
  /** All of them; those that are neither succeeded, failed nor denied were cancelled, expired, or their end is unknown. */
  calls: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  denied: z.int(),
  /** Requests to providers that were begun. */
  attempts: z.int(),
  /** Sum, in ms. */
  durationMs: z.int(),
  /** Decimal, such as `12.5`; as the tools declare it. */
  cost: z.string(),
});
export type UsageGroup = z.infer<typeof usageGroupSchema>;

/** `GET /v1/usage` of audit-service. */
export const usagePageSchema = z.object({
  groups: z.array(usageGroupSchema),
  /** First and last day that were counted. */
  from: daySchema,
  to: daySchema,
  /** ISO 4217 code. */
  currency: z.string(),
  nextCursor: z.string().nullable(),
});
export type UsagePage = z.infer<typeof usagePageSchema>;
