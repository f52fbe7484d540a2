import { executionRequestedSchema, KeywardError, parseOrThrow, subjects, type ExecutionRequested } from '@keyward/contracts';

/**
 * What the gateway handed over. The subject is what nats-server checked, so what the payload says must agree with it.
 *
 * @throws KeywardError `invalid_request`
 */
export function readRequest(payload: unknown, subject: string): ExecutionRequested {
  const request = parseOrThrow(executionRequestedSchema, payload, 'execution request');
  if (subject === subjects.executionRequested(request.org, request.agent, request.id)) return request;
  throw new KeywardError('invalid_request', 'The execution request does not belong to the subject it came on.');
}
