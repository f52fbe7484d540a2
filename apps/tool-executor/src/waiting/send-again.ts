import { subjects, type ExecutionRequested } from '@keyward/contracts';
import type { Publisher } from '@keyward/jetstream';
import type { WaitingRow, WaitingRows } from './waiting-rows.js';

/**
 * Publishes the message that takes an execution up again, and marks it as published. Under the same message id however often it is done,
 * so that a process that ends in between is followed by another one's try.
 *
 * @throws KeywardError `dependency_unavailable`: the row stays as it is, and is found by the sweep
 */
export async function sendAgain(publisher: Publisher, rows: Pick<WaitingRows, 'published'>, row: WaitingRow): Promise<void> {
  if (row.request === null) return;
  const kept = JSON.parse(row.request) as ExecutionRequested;
  const { attempts = 0 } = kept.resumed ?? {};
  const requested: ExecutionRequested = { ...kept, resumed: { epoch: row.epoch, afterMs: Math.max(0, row.afterMs), attempts } };
  const subject = subjects.executionRequested(row.org, row.agent, row.id);
  await publisher.publish(subject, requested, { msgId: `${row.id}.${row.epoch}` });
  await rows.published(row.org, row.id, row.epoch);
}
