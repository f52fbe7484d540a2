import {
  cancelReplySchema,
  consumers,
  executionRequests,
  fromProblem,
  KeywardError,
  waitingReplySchema,
  type AgentAddress,
  type ExecutionAddress,
  type ExecutionResult,
  type Problem,
  type Receipt,
  type WaitingReply,
} from '@keyward/contracts';
import { ask, lookUpQueued, type Queued } from '@keyward/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { z } from 'zod';
import type { KeptResults } from './kept-results.js';

const ASKED = { timeoutMs: 5_000, silence: 'No tool-executor answers.' };

/** How an execution stands: its outcome, or how far it is. */
export type Found = { result: ExecutionResult } | { receipt: Receipt };

/**
 * What became of an execution, whichever replica took it: its outcome is in stream RESULTS, what is queued or runs in stream EXECUTIONS,
 * what waits in the database, where tool-executor looks. All of it is looked for where somebody asks; a call costs it nothing.
 */
export class Standing {
  constructor(
    private readonly nc: NatsConnection,
    private readonly kept: KeptResults,
  ) {}

  /** @returns undefined where the agent has none of this id, or its outcome is no longer kept @throws KeywardError `dependency_unavailable` */
  async find(agent: AgentAddress, id: string): Promise<Found | undefined> {
    const kept = await this.kept.find(agent, id);
    if (kept !== undefined && kept.waitingFor === undefined) return { result: kept };
    const address = { ...agent, execution: id };
    const queued = await this.#queued(address);
    if (queued !== undefined) return { receipt: { id, state: queued } };
    const waiting = await this.#waiting(address, kept);
    if (waiting.outcome === 'waiting') {
      return { receipt: { id, state: 'waiting_for_authorization', waitingFor: waiting.waitingFor } };
    }
    // It may have ended between the looks.
    const ended = await this.kept.find(agent, id);
    if (ended !== undefined && ended.waitingFor === undefined) return { result: ended };
    return waiting.outcome === 'taken_up' ? { receipt: { id, state: 'running' } } : undefined;
  }

  /** @returns undefined where there is none @throws KeywardError `dependency_unavailable`: it may have been cancelled all the same */
  async cancel(agent: AgentAddress, id: string): Promise<Found | undefined> {
    const found = await this.find(agent, id);
    if (found === undefined || 'result' in found) return found;
    const reply = await this.#ask(executionRequests.cancel, { ...agent, execution: id }, cancelReplySchema);
    if (reply.outcome === 'failed') throw fromProblem(reply.error as Problem);
    return reply.outcome === 'ended' ? { result: reply.result } : found;
  }

  async #queued(address: ExecutionAddress): Promise<Queued | undefined> {
    try {
      return await lookUpQueued(this.nc, consumers.executions, address);
    } catch (cause) {
      throw new KeywardError('dependency_unavailable', 'The executions under way can not be read at the moment.', { cause });
    }
  }

  /** Where nobody answers, what was kept of it when it began to wait is what is known. */
  async #waiting(address: ExecutionAddress, kept: ExecutionResult | undefined): Promise<WaitingReply> {
    try {
      const reply = await this.#ask(executionRequests.waiting, address, waitingReplySchema);
      if (reply.outcome === 'failed') throw fromProblem(reply.error as Problem);
      return reply;
    } catch (error) {
      if (kept?.waitingFor === undefined) throw error;
      return { outcome: 'waiting', waitingFor: kept.waitingFor };
    }
  }

  async #ask<T extends z.ZodType>(subject: string, address: ExecutionAddress, schema: T): Promise<z.infer<T>> {
    const reply = schema.safeParse(await ask(this.nc, subject, address, ASKED));
    if (!reply.success) throw new KeywardError('internal', 'The answer could not be read.', { cause: reply.error });
    return reply.data;
  }
}
