import type { Draft, Note } from '../draft.js';
import type { NamedTool } from '../names/assign-names.js';
import type { ImportRecord } from './record.js';
import { yamlOf } from './render.js';

const HEAD = `# What an import guessed, changed and left out, for a person to look at. Written anew at every import; nothing reads it.
# Places are JSON Pointers: those beside operations into the source, those of notes into connector.yaml or into the tool.
`;

interface Reviewed {
  readonly draft: Draft;
  readonly named: readonly NamedTool[];
  readonly record: ImportRecord;
  readonly source: string;
}

export function reviewText({ draft, named, record, source }: Reviewed): string {
  const notes = [...draft.notes, ...named.flatMap((tool) => tool.notes)];
  const counts: Record<string, number> = {};
  for (const { kind } of notes) counts[kind] = (counts[kind] ?? 0) + 1;
  const reasons: Record<string, number> = {};
  for (const { reason } of draft.leftOut) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const behind = Object.entries(record.tools).flatMap(([name, { behind: parts }]) =>
    parts === undefined ? [] : [[name, [...parts]] as const],
  );
  return `${HEAD}${yamlOf({
    source: { is: source, read_from: record.source.address, sha256: record.source.sha256 },
    imported: named.length,
    left_out: draft.leftOut.length,
    ...(draft.unwanted === 0 ? {} : { not_wanted: draft.unwanted }),
    notes_about: counts,
    ...(behind.length === 0 ? {} : { edited_by_hand_and_changed_in_the_source: Object.fromEntries(behind) }),
    connector: byPlace(draft.notes),
    operations_left_out: {
      reasons,
      operations: draft.leftOut.map(({ operation, place, reason }) => ({ operation, place, reason })),
    },
    tools: Object.fromEntries(
      named.map(({ name, operation, place, notes: own }) => [
        name,
        { operation, place, ...(own.length === 0 ? {} : { notes: byPlace(own) }) },
      ]),
    ),
  })}`;
}

function byPlace(notes: readonly Note[]): Record<string, string> {
  const places = new Map<string, string>();
  for (const { at, detail } of notes) {
    const known = places.get(at);
    if (known === undefined) places.set(at, detail);
    else if (!known.split('; ').includes(detail)) places.set(at, `${known}; ${detail}`);
  }
  return Object.fromEntries(places);
}
