const FIRST_MS = 1_000;
const MOST_MS = 300_000;
/** What failed together is not to come again together. */
const JITTER = 0.2;

/** Between two tries of a destination: 1 s, 2 s, 4 s … up to 5 min. @param failures in a row, 1 for the first */
export function backoffMs(failures: number, atLeastMs: number, random: () => number = Math.random): number {
  const wait = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 30), MOST_MS);
  return Math.round(Math.max(wait * (1 + JITTER * (2 * random() - 1)), atLeastMs));
}

/** Between two tries of an organization whose next event is not taken: others go on meanwhile, so there is no hurry. */
export function holdMs(failures: number, random: () => number = Math.random): number {
  return backoffMs(failures + 5, 0, random);
}
