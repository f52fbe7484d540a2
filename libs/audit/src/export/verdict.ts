import type { ChainPosition } from '../chain.js';

/** What is wrong with an export. */
export const exportFaults = [
  /** A line is no line of an export, or could be read in two ways. */
  'malformed_line',
  /** An event is not the one that its hash was made of. */
  'edited',
  /** A row was not made as the follower of the row before it: one of the two was replaced. */
  'unchained',
  /** A row is not there. */
  'missing',
  /** A row is there, but in another place. */
  'reordered',
  /** A row is there again. */
  'repeated',
  /** The end is not there. */
  'truncated',
  /** The rows agree with each other, but not with what was signed or is known: they were made anew. */
  'rewritten',
  /** A checkpoint is not what was signed. */
  'forged_checkpoint',
  /** A checkpoint is signed by a key that is none of those given. */
  'unknown_key',
  /** A row or a checkpoint is another organization's. */
  'foreign_organization',
  /** Nothing that was signed covers the last rows: the true end was cut off, or rows were added. */
  'unsigned_end',
  /** The trail is known to have been longer. */
  'rolled_back',
] as const;
export type ExportFaultReason = (typeof exportFaults)[number];

export interface ExportFault {
  reason: ExportFaultReason;
  /** Line of the file, from 1; 0 where the fault is in none, as with an anchor. One past the last line where something is not there. */
  line: number;
  /** The record it is about, where it is about one. */
  seq?: number;
  /** For people; holds nothing of an event. */
  message: string;
}

/** What of a sound export is proven. `rows` < `chain` < `proven`. */
export type ExportProof =
  /** Each row agrees with its own hash. Whether rows are left out, or were made anew as a whole, can't be seen. */
  | 'rows'
  /** No row is left out, moved or changed without every later one having been made anew. Whether that was done can't be seen. */
  | 'chain'
  /** As `chain`, and the last row is what was signed, or what was noted before. */
  | 'proven';

export interface ExportSummary {
  organization?: string;
  /** Events that were found in order. */
  events: number;
  /** The record before the first one; `seq` 0 is the beginning of the trail. */
  from?: ChainPosition;
  /** The last record that was found in order. */
  head?: ChainPosition;
  /** When the export says that it was made. */
  at?: string;
  filtered: boolean;
  /** Checkpoints of the file whose signature was verified. */
  checkpoints: number;
  /** Checkpoints from elsewhere that agree; those before `from` can't be compared and don't count. */
  anchors: number;
  /** The last record that is proven by a signature or was known before. */
  proven?: ChainPosition;
}

export type ExportVerdict = ExportSummary & ({ ok: true; proof: ExportProof } | { ok: false; fault: ExportFault });
