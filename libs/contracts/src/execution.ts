import { z } from 'zod';
import { costSchema } from './cost.js';
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

/**
 * A tool's name as people write it: `tasks.create` is `tasks_create`. What it gives has no dot; names with more of them, or with nothing on
 * one side, are none.
 */
export const writtenToolNameSchema = z
  .string()
  .regex(
    /^(?=.{1,64}$)[a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)?$/,
    'must be 1 to 64 of A-Z a-z 0-9 _ -, with one dot between them at most',
  )
  .overwrite((name) => name.replace('.', '_'));

export const EXECUTION_TIMEOUT_MS = { default: 30_000, min: 100, max: 300_000 } as const;

/** How long an execution may wait for a person. */
export const EXECUTION_WAIT_MS = { default: 86_400_000, min: 60_000, max: 604_800_000 } as const;

const timeoutMsSchema = z.int().min(EXECUTION_TIMEOUT_MS.min).max(EXECUTION_TIMEOUT_MS.max);
const waitForMsSchema = z.int().min(EXECUTION_WAIT_MS.min).max(EXECUTION_WAIT_MS.max);

/** What a person can mend: the errors that an execution waits over. */
export const waitingReasons = ['connection_required', 'missing_scopes', 'needs_reauthorization'] as const;
export type WaitingReason = (typeof waitingReasons)[number];

export const waitingForSchema = z.object({
  reason: z.enum(waitingReasons),
  /** A sentence: what is lacking, and who can help. */
  detail: z.string(),
  /** Where the person helps; left out where an admin must, or no link could be had. It ends sooner than the waiting does. */
  connectUrl: z.string().optional(),
  /** Until then it is waited. */
  expiresAt: z.iso.datetime(),
});
export type WaitingFor = z.infer<typeof waitingForSchema>;

const executeMembers = z.strictObject({
  arguments: z.record(z.string(), z.unknown()).default({}),
  user: userIdSchema,
  connection: idSchema('conn').optional(),
  /** The same key with the same request is one execution. */
  idempotencyKey: z.string().min(1).max(255).optional(),
  /** The key is derived: the same tool, user, connection and arguments are one execution. */
  deduplicate: z.boolean().default(false),
  timeoutMs: timeoutMsSchema.default(EXECUTION_TIMEOUT_MS.default),
  /**
   * `result` answers with the outcome, `none` with a receipt at once. `authorization` is `result`, but what fails for want of an
   * authorization is kept, and carried out once somebody has given it.
   */
  wait: z.enum(['none', 'result', 'authorization']).default('result'),
  /** With `wait: authorization`: for how long it is kept. */
  waitForMs: waitForMsSchema.optional(),
  /** Checks everything up to the provider and sends nothing. */
  dryRun: z.boolean().default(false),
});

type Members = Pick<z.infer<typeof executeMembers>, 'idempotencyKey' | 'deduplicate' | 'wait' | 'waitForMs' | 'dryRun'>;

const ONE_KEY = { error: 'goes without idempotencyKey', path: ['deduplicate'] };
const hasOneKey = ({ idempotencyKey, deduplicate }: Members) => !deduplicate || idempotencyKey === undefined;
const WAITS = { error: 'goes with wait: authorization', path: ['waitForMs'] };
const mayWait = ({ wait, waitForMs }: Members) => waitForMs === undefined || wait === 'authorization';
const SENT = { error: 'a dry run sends nothing and waits for nobody', path: ['wait'] };
const isSent = ({ wait, dryRun }: Members) => !dryRun || wait !== 'authorization';

/** Body of `POST /v1/tools/{tool}/execute`; over NATS the same with `tool` beside it. */
export const executeBodySchema = executeMembers.refine(hasOneKey, ONE_KEY).refine(mayWait, WAITS).refine(isSent, SENT);
export type ExecuteBody = z.infer<typeof executeBodySchema>;

/** Payload of a request on `tool.execute.<org>.<agent>`. */
export const toolExecuteSchema = executeMembers
  .extend({ tool: writtenToolNameSchema })
  .refine(hasOneKey, ONE_KEY)
  .refine(mayWait, WAITS)
  .refine(isSent, SENT);

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
  deduplicate: z.boolean().optional(),
  dryRun: z.boolean(),
  /** By the clock of whoever wrote it: told to people, compared with nothing. */
  requestedAt: z.iso.datetime(),
  /** Nobody waits for the outcome any more when the message is older than this, by the clock of the bus. */
  timeoutMs: timeoutMsSchema,
  /** What fails for want of an authorization waits for so long. Left out: it fails. */
  waitForMs: waitForMsSchema.optional(),
  /** It has waited: this message takes it up again. */
  resumed: z
    .object({
      /** Of the row of what waits: which taking up this is. */
      epoch: z.int().min(1),
      /** From when it was first asked for until this message. */
      afterMs: z.number().min(0),
      /** Requests that were sent to the provider before. */
      attempts: z.int().min(0).optional(),
    })
    .optional(),
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
  /** Which definition of the tool was run. */
  toolVersion: z.string().optional(),
  /** Of a unified tool: for which connector it was called, and the tool behind it. */
  connector: z.string().optional(),
  nativeTool: z.string().optional(),
  /** Where the provider's limits held the call up, or the provider told of them. */
  rateLimit: z
    .object({
      waitedMs: z.number(),
      limit: z.number().optional(),
      remaining: z.number().optional(),
      resetMs: z.number().optional(),
    })
    .optional(),
  /** What the call cost, as its tool declares. Left out where it declares nothing, or nothing was sent. */
  cost: costSchema.optional(),
  /** In state `waiting_for_authorization`, which is not the last. */
  waitingFor: waitingForSchema.optional(),
});
export type ExecutionResult = z.infer<typeof executionResultSchema>;
export type RateLimitReport = NonNullable<ExecutionResult['rateLimit']>;

/** Reply to a NATS request, and the body of a 202: there is no outcome yet. */
export const receiptSchema = z.object({
  id: idSchema('exe'),
  state: z.enum(['queued', 'running', 'waiting_for_authorization']),
  waitingFor: waitingForSchema.optional(),
});
export type Receipt = z.infer<typeof receiptSchema>;
