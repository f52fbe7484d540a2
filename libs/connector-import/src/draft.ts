import type { Node } from './node.js';

/** What was guessed, changed or left out, by its subject. */
export type NoteKind =
  'name' | 'effect' | 'arguments' | 'body' | 'schema' | 'pagination' | 'answer' | 'scopes' | 'sensitive' | 'address' | 'auth';

/** Something that a person should look at. */
export interface Note {
  readonly kind: NoteKind;
  /** JSON Pointer (RFC 6901): of a tool into its definition, else into connector.yaml. */
  readonly at: string;
  readonly detail: string;
}

/** A tool that has no name yet. */
export interface ToolDraft {
  /** What it was made of, such as `GET /issues/{id}`; the same at the next import. */
  readonly operation: string;
  /** JSON Pointer into the source. */
  readonly place: string;
  /** What a name is made of, a verb first. */
  readonly words: readonly string[];
  /** Which file it stands in where one is not enough. */
  readonly group: string;
  readonly definition: Node;
  readonly notes: readonly Note[];
}

export interface LeftOut {
  readonly operation: string;
  readonly place: string;
  readonly reason: string;
}

/** All that a source gives. */
export interface Draft {
  readonly title: string;
  /** Of connector.yaml, without its name. */
  readonly manifest: Node;
  readonly tools: readonly ToolDraft[];
  readonly leftOut: readonly LeftOut[];
  /** How many operations were not wanted (`include`, `exclude`, `maxTools`). */
  readonly unwanted: number;
  /** Of the connector as a whole. */
  readonly notes: readonly Note[];
}

/** What of a source is wanted. */
export interface Wanted {
  /** Whether an operation of these tags and this path or name is. */
  readonly matches: (tags: readonly string[], path: string) => boolean;
  readonly maxTools: number;
}
