/** 0 ≤ x < 1, spread evenly, and the same whenever it is asked for the nth time (the finaliser of MurmurHash3). */
export function chance(seed: number, nth: number): number {
  let hash = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(nth + 1, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
