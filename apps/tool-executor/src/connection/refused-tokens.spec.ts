import { describe, expect, it } from '@jest/globals';
import { RefusedTokens } from './refused-tokens.js';

describe('connections whose new token was refused', () => {
  it('are remembered for a minute from the last time, each for itself', () => {
    let now = 0;
    const refused = new RefusedTokens(() => now);
    refused.remember('a');
    now = 40_000;
    refused.remember('b');
    refused.remember('a');
    now = 99_999;
    expect([refused.has('a'), refused.has('b'), refused.has('c')]).toEqual([true, true, false]);
    now = 100_000;
    expect([refused.has('a'), refused.has('b')]).toEqual([false, false]);
  });

  it('take room for no longer than that', () => {
    let now = 0;
    const refused = new RefusedTokens(() => now);
    for (let each = 0; each < 1_000; each++) refused.remember(`conn_${each}`);
    expect(refused.size).toBe(1_000);
    now = 60_000;
    refused.remember('last');
    expect(refused.size).toBe(1);
  });
});
