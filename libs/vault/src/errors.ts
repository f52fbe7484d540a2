import { KeywardError } from '@keyward/contracts';

/** One sentence for every reason: which check failed is for the log, not for whoever probes. */
export function cannotOpen(reason: string, cause?: unknown): KeywardError {
  return new KeywardError('internal', 'A stored secret could not be opened; it was not used.', {
    cause: new Error(reason, cause === undefined ? undefined : { cause }),
  });
}

export function invalidContext(reason: string): KeywardError {
  return new KeywardError('internal', 'A secret was asked for in a way that can not be right.', { cause: new Error(reason) });
}

export function shredded(org: string): KeywardError {
  return new KeywardError('revoked', 'The keys of this organization were destroyed; its secrets are gone for good.', {
    cause: new Error(`the data keys of ${org} are destroyed`),
  });
}

export function keysUnavailable(cause: unknown): KeywardError {
  return new KeywardError('dependency_unavailable', 'The key management service does not answer as it should; try again later.', {
    cause,
  });
}

export function keyRefused(cause: unknown): KeywardError {
  return new KeywardError('internal', 'The key management service refused a key of ours.', { cause });
}
