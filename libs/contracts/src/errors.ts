/**
 * Error codes: stable, documented under docs/errors, one page each. An error is a code, a public sentence and a private cause;
 * the cause is logged where the error is caught and is never sent.
 */
const CODES = {
  invalid_request: 400,
  invalid_arguments: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  unknown_tool: 404,
  tool_not_assigned: 403,
  policy_denied: 403,
  approval_required: 403,
  budget_exceeded: 403,
  connection_required: 409,
  missing_scopes: 409,
  needs_reauthorization: 409,
  revoked: 410,
  rate_limited: 429,
  provider_error: 502,
  provider_unavailable: 503,
  deadline_exceeded: 504,
  request_too_large: 413,
  unsupported_media_type: 415,
  response_too_large: 502,
  egress_denied: 403,
  conflict: 409,
  cancelled: 409,
  idempotency_conflict: 409,
  outcome_unknown: 502,
  dependency_unavailable: 503,
  internal: 500,
} as const;

export type ErrorCode = keyof typeof CODES;
export const errorCodes = Object.keys(CODES) as [ErrorCode, ...ErrorCode[]];

/** Members that a problem may carry besides RFC 9457's own. All of them are public. */
export interface ErrorDetails {
  /** JSON Pointers (RFC 6901) into the request, each with what is wrong there. */
  errors?: { pointer: string; detail: string }[];
  connectUrl?: string;
  missingScopes?: string[];
  retryAfterMs?: number;
  /** The provider's HTTP status. */
  providerStatus?: number;
  /** The provider's body, bounded and redacted. */
  providerBody?: unknown;
  executionId?: string;
  attempts?: number;
  /** Steps of the tool that the provider has carried out, and that stay. */
  completedSteps?: string[];
  /** Name of the budget that is used up, its period, and when (RFC 3339) the next one begins. */
  budget?: string;
  period?: string;
  resetsAt?: string;
  /** RFC 3339: not before then was it sent, where it is not known what came of it. */
  sentAt?: string;
}

export class KeywardError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  /** @param publicMessage one sentence that the caller sees: no secret, no host name of ours, no stack. */
  constructor(code: ErrorCode, publicMessage: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KeywardError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get httpStatus(): number {
    return CODES[this.code];
  }
}

/** Whatever was thrown, as an error that may be shown: anything unforeseen becomes `internal`, its text kept as the private cause. */
export function asKeywardError(thrown: unknown): KeywardError {
  if (thrown instanceof KeywardError) return thrown;
  return new KeywardError('internal', 'Something went wrong on our side. The trace id identifies this request in the logs.', {
    cause: thrown,
  });
}

/** RFC 9457 problem details, as every HTTP door answers and as results carry under `error`. */
export interface Problem extends ErrorDetails {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  traceId?: string;
}

/** A name, not an address: the page of each code is docs/errors/<code>.md of the version that runs. */
const TYPE = 'urn:keyward:error:';

export function toProblem(error: KeywardError, traceId?: string): Problem {
  return {
    type: `${TYPE}${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status: error.httpStatus,
    code: error.code,
    detail: error.message,
    ...error.details,
    ...(traceId === undefined ? {} : { traceId }),
  };
}

export function fromProblem(problem: Problem): KeywardError {
  const { type: _type, title: _title, status: _status, code, detail, traceId: _traceId, ...details } = problem;
  return new KeywardError(code, detail, { details });
}
