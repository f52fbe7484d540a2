import { KeywardError } from '@keyward/contracts';
import { QueryFailedError } from 'typeorm';

/** SQLSTATE unique_violation. */
const UNIQUE_VIOLATION = '23505';

export function isUniqueViolation(thrown: unknown): boolean {
  const driverError: unknown = thrown instanceof QueryFailedError ? thrown.driverError : undefined;
  return driverError instanceof Error && 'code' in driverError && driverError.code === UNIQUE_VIOLATION;
}

/** For `catch`: what exists already, as the sentence says, is a `conflict`. */
export function asConflict(sentence: string): (thrown: unknown) => never {
  return (thrown) => {
    throw isUniqueViolation(thrown) ? new KeywardError('conflict', sentence) : thrown;
  };
}
