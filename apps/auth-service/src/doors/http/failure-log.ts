import type { KeywardError } from '@keyward/contracts';
import type { Logger } from 'pino';

/** Why a page could only say that it failed. */
export class FailureLog {
  constructor(private readonly logger: Logger) {}

  log(error: KeywardError, message: string): void {
    const level = error.code === 'internal' ? 'error' : 'warn';
    this.logger[level]({ code: error.code, err: error.cause ?? error }, message);
  }
}
