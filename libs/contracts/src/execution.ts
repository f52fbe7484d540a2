import { z } from 'zod';
import { idSchema, userIdSchema } from './ids.js';
import { problemSchema } from './problem.js';

export const executionStates = [
  'queued',
  'running',
  'waiting_for_authorization',
  'waiting_for_approval',
  'succeeded',
  'failed',
  'denied',
  'cancelled',
  'expired',
  'unknown',
] as const;
export type ExecutionState = (typeof executionStates)[number];

/** What every model API accepts as a tool name. */
export const toolNameSchema = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -');

export const EXECUTION_TIMEOUT_MS = { default: 30_000, min: 100, max: 300_000 } as const;

/** Body of `POST /v1/tools/{tool}/execute`; over NATS the same with `tool` beside it. */
export const executeBodySchema = z.strictObject({
  arguments: z.record(z.string(), z.unknown()).default({}),
  user: userIdSchema,
  connection: idSchema('conn').optional(),
  idempotencyKey: z.string().min(1).max(255).optional(),
  timeoutMs: z.int().min(EXECUTION_TIMEOUT_MS.min).max(EXECUTION_TIMEOUT_MS.max).default(EXECUTION_TIMEOUT_MS.default),
  /** `result` answers with the outcome, `none` with a receipt at once. */
  wait: z.enum(['none', 'result']).default('result'),
  /** Checks everything up to the provider and sends nothing. */
  dryRun: z.boolean().default(false),
});
export type ExecuteBody = z.infer<typeof executeBodySchema>;

/** Payload of a request on `tool.execute.<org>.<agent>`. */
export const toolExecuteSchema = executeBodySchema.extend({ tool: toolNameSchema });

/** Stream EXECUTIONS: what the gateway hands over. Org and agent are those it authenticated. Carries no credential. */
export const executionRequestedSchema = z.object({
  id: idSchema('exe'),
  org: idSchema('org'),
  agent: idSchema('agt'),
  tool: toolNameSchema,
  arguments: z.record(z.string(), z.unknown()),
  user: userIdSchema,
  connection: idSchema('conn').optional(),
  idempotencyKey: z.string().min(1).max(255).optional(),
  dryRun: z.boolean(),
  requestedAt: z.iso.datetime(),
  /** RFC 3339; past it nobody waits for the outcome any more. */
  deadline: z.iso.datetime(),
});
export type ExecutionRequested = z.infer<typeof executionRequestedSchema>;

/** The outcome, as it is answered over every door and kept in stream RESULTS. */
export const executionResultSchema = z.object({
  id: idSchema('exe'),
  tool: z.string(),
  state: z.enum(executionStates),
  output: z.unknown().optional(),
  error: problemSchema.optional(),
  /** Null where the call ended before a connection was found. */
  connection: z.string().nullable(),
  attempts: z.int(),
  durationMs: z.number(),
  traceId: z.string(),
});
export type ExecutionResult = z.infer<typeof executionResultSchema>;

/** Reply to a NATS request, and the body of a 202. */
export const receiptSchema = z.object({ id: idSchema('exe'), state: z.literal('queued') });
export type Receipt = z.infer<typeof receiptSchema>;
