import { KeywardError } from '@keyward/contracts';

/** The lease would have had too little time left, when its turn came, to redeem and store under it; nothing was sent. */
export class LeaseTooShort extends KeywardError {
  /** @param retryInMs so much later it can wait for its turn under a new lease */
  constructor(readonly retryInMs = 0) {
    super('provider_unavailable', 'The refresh waited too long for its turn; it will be tried again.');
  }
}

/** The authorization server is spared for now; nothing was sent. */
export class LaneClosed extends KeywardError {
  constructor(
    readonly why: 'circuit_open' | 'paused',
    readonly retryInMs: number,
  ) {
    const sentence = { circuit_open: 'keeps failing', paused: 'has asked for a pause' }[why];
    super('provider_unavailable', `The provider's authorization server ${sentence}; refreshing waits.`, {
      details: { retryAfterMs: Math.ceil(retryInMs) },
    });
  }
}
