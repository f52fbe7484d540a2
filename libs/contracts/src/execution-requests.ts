import { z } from 'zod';
import { executionResultSchema, waitingForSchema } from './execution.js';
import { idSchema } from './ids.js';
import { problemSchema } from './problem.js';

/** Core requests in account KEYWARD between the gateway and tool-executor. Org and agent are those that the gateway authenticated. */
export const executionRequests = {
  /** To any tool-executor: this execution is to end. */
  cancel: 'execution.v1.cancel',
  /** To any tool-executor: does this execution wait? */
  waiting: 'execution.v1.waiting',
  /** To any gateway: the outcome of an execution that waited, for agents that listen on the bus. */
  outcome: 'execution.v1.outcome',
} as const;

export const executionAddressSchema = z.object({ org: idSchema('org'), agent: idSchema('agt'), execution: idSchema('exe') });
export type ExecutionAddress = z.infer<typeof executionAddressSchema>;

const failedSchema = z.object({ outcome: z.literal('failed'), error: problemSchema });

/** `ended`: it waited, and this is its end. `noted`: if it is queued or running, it will be ended. */
export const cancelReplySchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('ended'), result: executionResultSchema }),
  z.object({ outcome: z.literal('noted') }),
  failedSchema,
]);
export type CancelReply = z.infer<typeof cancelReplySchema>;

/** `taken_up`: it has waited, and is being carried out. */
export const waitingReplySchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('waiting'), waitingFor: waitingForSchema }),
  z.object({ outcome: z.literal('taken_up') }),
  z.object({ outcome: z.literal('absent') }),
  failedSchema,
]);
export type WaitingReply = z.infer<typeof waitingReplySchema>;

export const outcomeNoticeSchema = z.object({ org: idSchema('org'), agent: idSchema('agt'), result: executionResultSchema });
export type OutcomeNotice = z.infer<typeof outcomeNoticeSchema>;
