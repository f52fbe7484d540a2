import { buildAuditEvent, type AuditPort } from '@keyward/audit';
import { KeywardError, subjects, toProblem, type AuditEvent, type ExecutionResult } from '@keyward/contracts';
import type { Publisher } from '@keyward/jetstream';
import type { ExecutionRows } from '../intent/execution-rows.js';
import { cancelled } from '../cancel/cancellations.js';
import type { Notices } from './notices.js';
import type { WaitingRow, WaitingRows } from './waiting-rows.js';

export interface EndTellers {
  rows: Pick<WaitingRows, 'told'>;
  executions: Pick<ExecutionRows, 'end'>;
  audit: AuditPort;
  publisher: Publisher;
  notices: Notices;
}

/**
 * That an execution ended while it waited: to the audit trail, to stream RESULTS and to whoever listens on the bus. Repeating it says the
 * same again, under the same ids.
 *
 * @throws KeywardError `dependency_unavailable`: the row stays untold, and is found by the sweep
 */
export async function tellEnd(
  { rows, executions, audit, publisher, notices }: EndTellers,
  row: WaitingRow,
): Promise<ExecutionResult> {
  const result = endOf(row);
  await executions.end(row.org, row.id, result);
  await audit.record(auditEventOf(row, result));
  await publisher.publish(subjects.executionCompleted(row.org, row.agent, row.id), result, { msgId: row.id });
  await notices.send({ org: row.org, agent: row.agent, result });
  await rows.told(row.org, row.id);
  return result;
}

function endOf(row: WaitingRow): ExecutionResult {
  const { id, tool, connection, traceId } = row;
  const isCancelled = row.state === 'cancelled';
  const expired = new KeywardError('deadline_exceeded', 'The authorization that the call waited for was not given in time.');
  const error = toProblem(isCancelled ? cancelled() : expired, traceId);
  const state = isCancelled ? 'cancelled' : 'expired';
  return { id, tool, state, error, connection, attempts: 0, durationMs: Math.round(row.afterMs), traceId };
}

/** Id and time follow from the execution and its end, so that it is one event however often it is told. */
function auditEventOf(row: WaitingRow, result: ExecutionResult): AuditEvent {
  const { org, agent, user, tool, provider, connection, traceId, id } = row;
  const event = buildAuditEvent(
    {
      ...{ type: 'execution.completed', org, actor: { kind: 'agent', id: agent }, traceId, agent, user, execution: id, tool },
      ...{ provider, state: result.state, attempts: 0, durationMs: result.durationMs },
      ...(connection === null ? {} : { connection }),
      ...(result.error === undefined ? {} : { errorCode: result.error.code }),
      reason: `it waited for an authorization (${row.reason})`,
    },
    row.endedAt ?? undefined,
  );
  return { ...event, id: `evt_${id.slice(-32)}` };
}
