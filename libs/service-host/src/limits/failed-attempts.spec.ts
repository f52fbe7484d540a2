import { describe, expect, it } from '@jest/globals';
import { FailedAttempts } from './failed-attempts.js';

describe('failed authentications of one address', () => {
  it('are limited, tell when to come back, and are forgiven with time', () => {
    let now = 0;
    const attempts = new FailedAttempts({ burst: 3, refillMs: 1_000, now: () => now });
    for (let i = 0; i < 3; i++) {
      attempts.requireRoom('192.0.2.1');
      attempts.failed('192.0.2.1');
    }
    expect(() => attempts.requireRoom('192.0.2.1')).toThrow(
      expect.objectContaining({ code: 'rate_limited', details: { retryAfterMs: 1_000 } }),
    );
    attempts.requireRoom('192.0.2.2');
    now = 1_000;
    attempts.requireRoom('192.0.2.1');
  });
});
