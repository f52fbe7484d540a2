import { fromProblem, KeywardError, type ExecutionResult } from '@keyward/contracts';

/** A call that did not succeed is thrown: a caller who forgets to look at `state` must not mistake a refusal for an answer. */
export function requireSuccess(result: ExecutionResult): ExecutionResult {
  if (result.state === 'succeeded') return result;
  const details = { executionId: result.id, attempts: result.attempts };
  if (result.error === undefined) throw new KeywardError('internal', `The call ended as ${result.state}.`, { details });
  const error = fromProblem(result.error as Parameters<typeof fromProblem>[0]);
  throw new KeywardError(error.code, error.message, { details: { ...details, ...error.details } });
}
