/** Causes below this depth are cut: chains are short, and a cyclic one must end. */
const MAX_DEPTH = 5;

export interface ErrorDescription {
  type: string;
  message: string;
  code?: string | number;
  stack?: string;
  cause?: ErrorDescription;
  errors?: ErrorDescription[];
}

/**
 * What of an error may be logged. Named members only: drivers hang requests, rows and parameters on their errors, and those may
 * hold a secret.
 */
export function describeError(thrown: unknown, depth = 0): ErrorDescription {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: typeof thrown === 'string' ? thrown : 'not an Error' };
  const { code } = thrown as { code?: unknown };
  const description: ErrorDescription = { type: thrown.name, message: thrown.message };
  if (typeof code === 'string' || typeof code === 'number') description.code = code;
  if (thrown.stack !== undefined) description.stack = thrown.stack;
  if (depth >= MAX_DEPTH) return description;
  if (thrown.cause !== undefined) description.cause = describeError(thrown.cause, depth + 1);
  if (thrown instanceof AggregateError) {
    description.errors = thrown.errors.slice(0, MAX_DEPTH).map((error) => describeError(error, depth + 1));
  }
  return description;
}
