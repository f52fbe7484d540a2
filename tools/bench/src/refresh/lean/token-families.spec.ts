import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TokenFamilies } from './token-families.js';

let families: TokenFamilies;

beforeEach(() => {
  families = new TokenFamilies(':memory:', 3600);
});
afterEach(() => families.close());

function issued() {
  const [tokens] = families.issue(1, 'notes:read');
  if (tokens === undefined) throw new Error('nothing was issued');
  return tokens;
}

describe('TokenFamilies', () => {
  it('rotates: each refresh token is good once, and its successor after it', () => {
    const first = families.redeem(issued().refresh_token);
    expect(first).toMatchObject({ scope: 'notes:read', expires_in: 3600 });
    expect(families.redeem(first?.refresh_token ?? '')).toBeDefined();
    expect(families.reuseDetections).toBe(0);
  });

  it('ends a family whose token comes a second time, and no other', () => {
    const [stolen, other] = [issued(), issued()];
    const successor = families.redeem(stolen.refresh_token);
    expect(families.redeem(stolen.refresh_token)).toBeUndefined();
    expect(families.reuseDetections).toBe(1);
    expect(families.redeem(successor?.refresh_token ?? '')).toBeUndefined();
    expect(families.redeem(other.refresh_token)).toBeDefined();
  });

  it('knows no token that it did not issue', () => {
    expect(families.redeem('made up')).toBeUndefined();
    expect(families.reuseDetections).toBe(0);
  });
});
