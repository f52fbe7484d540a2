import { KeywardError } from '@keyward/contracts';

/** The public sentence names neither key nor file; both are in the cause. */
export function signingUnavailable(cause: unknown): KeywardError {
  return new KeywardError('dependency_unavailable', 'Checkpoints of the audit trail can not be signed at the moment.', { cause });
}
