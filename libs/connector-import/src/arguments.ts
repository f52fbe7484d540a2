import type { Note } from './draft.js';

const MAX_NAME = 64;

export type Place = 'path' | 'query' | 'header' | 'body';

/** Names that pagination gives to arguments of its own. */
export const PAGING_NAMES = ['limit', 'cursor'] as const;

/** The arguments of one tool: everything that a request takes, side by side. */
export class ArgumentSet {
  readonly #properties = new Map<string, unknown>();
  readonly #required: string[] = [];
  readonly #taken: Set<string>;
  readonly #notes: Note[] = [];

  /** @param reserved names that no argument may have */
  constructor(reserved: readonly string[] = []) {
    this.#taken = new Set(reserved);
  }

  get notes(): readonly Note[] {
    return this.#notes;
  }

  /** A name that is free, made of the one that the API knows. */
  nameFor(place: Place, written: string): string {
    const clean = cleanName(written);
    let name = clean;
    if (this.#taken.has(name)) name = `${place}_${clean}`.slice(0, MAX_NAME);
    for (let round = 2; this.#taken.has(name); round++) name = `${place}_${clean}`.slice(0, MAX_NAME - 4) + `_${round}`;
    this.#taken.add(name);
    if (name !== written)
      this.#notes.push({
        kind: 'arguments',
        at: `/input/properties/${name}`,
        detail: `is ${JSON.stringify(written.slice(0, 100))} in the ${place}`,
      });
    return name;
  }

  set(name: string, schema: unknown, isRequired: boolean): void {
    this.#properties.set(name, schema);
    if (isRequired) this.#required.push(name);
  }

  /** JSON Schema of all of them. */
  schema(): Record<string, unknown> {
    return {
      type: 'object',
      properties: Object.fromEntries(this.#properties),
      ...(this.#required.length > 0 ? { required: [...this.#required] } : {}),
    };
  }
}

/** What models' APIs take for the name of an argument, and a path template for that of a part. */
function cleanName(written: string): string {
  const clean = written
    .slice(0, 200)
    .replace(/[^A-Za-z0-9_-]+/g, '_')
    .replace(/^[_-]+|[_-]+$/g, '')
    .slice(0, MAX_NAME);
  return clean === '' ? 'value' : clean;
}

/** A name of somebody else's, as it can be shown. */
export function cleaned(name: string): string {
  return name
    .slice(0, 80)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}"]/gu, '?');
}
