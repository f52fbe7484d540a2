import { KeywardError, type ExecutionResult } from '@keyward/contracts';
import { isRefusedSequence, type Publisher } from '@keyward/jetstream';
import type { Call } from '../execute/call.js';
import { epochOf } from './waiting.js';

/**
 * That an execution began to wait, in stream RESULTS for whoever looks there; under an id of its own, or its outcome would be dropped as a
 * repetition. Only where there is nothing of it yet: whoever is late must not cover its outcome. That it waits again is in the database.
 *
 * @throws KeywardError `dependency_unavailable`
 */
export async function keepWaiting(publisher: Publisher, subject: string, call: Call, result: ExecutionResult): Promise<void> {
  if (epochOf(call) > 1) return;
  const headers = { 'Nats-Expected-Last-Subject-Sequence': '0' };
  try {
    await publisher.publish(subject, result, { msgId: `${result.id}.waiting`, headers });
  } catch (error) {
    if (!(error instanceof KeywardError) || !isRefusedSequence(error)) throw error;
  }
}
