import type { Due, Next } from './positions.js';

/** As many of them, from the first one on, as fit into a body; one at least. */
export function fitting(next: readonly Next[], maxBytes: number): Next[] {
  let bytes = 0;
  const beyond = next.findIndex(({ record, wanted }, index) => {
    bytes += wanted ? Buffer.byteLength(JSON.stringify(record)) : 0;
    return bytes > maxBytes && index > 0;
  });
  return next.slice(0, beyond < 0 ? next.length : beyond);
}

/**
 * The new position of each organization once `sent` are delivered. Who has nothing left between its position and its head, as days of the
 * trail may be dropped, is at its head.
 * @param all that could have been sent
 */
export function endsOf(due: readonly Due[], all: readonly Next[], sent: readonly Next[]): Map<string, number> {
  const ends = new Map(sent.map(({ record: { event, seq } }) => [event.org, seq]));
  const present = new Set(all.map(({ record }) => record.event.org));
  for (const { org, head } of due) if (!present.has(org)) ends.set(org, head);
  return ends;
}

export interface Missing {
  org: string;
  /** Sequence numbers, both included. */
  from: number;
  to: number;
}

/** What lies between the positions and their ends and is not in the trail. */
export function missingOf(due: readonly Due[], all: readonly Next[], ends: ReadonlyMap<string, number>): Missing[] {
  const missing: Missing[] = [];
  for (const { org, seq } of due) {
    const end = ends.get(org);
    if (end === undefined) continue;
    let expected = seq + 1;
    for (const { record } of all) {
      if (record.event.org !== org || record.seq > end) continue;
      if (record.seq > expected) missing.push({ org, from: expected, to: record.seq - 1 });
      expected = record.seq + 1;
    }
    if (expected <= end) missing.push({ org, from: expected, to: end });
  }
  return missing;
}
