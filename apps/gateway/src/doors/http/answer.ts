import type { ExecutionResult, Problem, Receipt } from '@keyward/contracts';
import type { FastifyReply } from 'fastify';

const JSON_TYPE = 'application/json; charset=utf-8';
const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** Sent as text that is already JSON: Fastify would look for a serialiser, and the result was checked where it was made. */
export function sendJson(reply: FastifyReply, status: number, body: unknown): void {
  void reply.status(status).header('content-type', JSON_TYPE).send(JSON.stringify(body));
}

/** RFC 9110 section 15.3.3: accepted, and where the outcome will be found. */
export function sendAccepted(reply: FastifyReply, receipt: Receipt): void {
  void reply.header('location', `/v1/executions/${receipt.id}`);
  sendJson(reply, 202, receipt);
}

/** The status of a call's answer follows its outcome: a client that looks at nothing else must not mistake a refusal for success. */
export function sendOutcome(reply: FastifyReply, result: ExecutionResult): void {
  if (result.state === 'succeeded') {
    sendJson(reply, 200, result);
    return;
  }
  if (result.error === undefined) {
    // Waiting for a person: the execution goes on without this request.
    const { id, waitingFor } = result;
    sendAccepted(
      reply,
      waitingFor === undefined ? { id, state: 'queued' } : { id, state: 'waiting_for_authorization', waitingFor },
    );
    return;
  }
  const problem = { ...result.error, executionId: result.id, attempts: result.attempts, traceId: result.traceId } as Problem;
  setRetryAfter(reply, problem.retryAfterMs);
  void reply.status(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem));
}

/** RFC 9110 section 10.2.3, in whole seconds. */
function setRetryAfter(reply: FastifyReply, retryAfterMs: number | undefined): void {
  if (retryAfterMs !== undefined) void reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
}
