import type { NamedTool } from '../names/assign-names.js';
import type { Node } from '../node.js';
import type { Block } from './plan-files.js';
import { differences, partsOf, type ImportRecord, type ToolRecord } from './record.js';
import { blockOf } from './render.js';
import type { FoundTool } from './split-file.js';

/** What became of the tools between two imports. */
export interface ToolChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly name: string; readonly parts: readonly string[] }[];
  /** Edited by hand, and changed in the source since: they stay as they are. */
  readonly conflicts: readonly { readonly name: string; readonly parts: readonly string[] }[];
  /** Edited by hand: they stay as they are. */
  readonly edited: readonly string[];
}

export interface MergedTools extends ToolChanges {
  readonly blocks: readonly Block[];
  readonly records: Readonly<Record<string, ToolRecord>>;
}

/** A part of a tool's record that says it is gone from the source. */
const GONE = 'the source has it no longer';

/**
 * Three ways: what the source gives now, what it gave at the last import, and what stands in the folder. What people made of a tool
 * stays, its removal too.
 */
export function mergeTools(
  generated: readonly NamedTool[],
  found: readonly FoundTool[],
  before: ImportRecord | undefined,
): MergedTools {
  const merge = new Merge(before, found);
  for (const tool of generated) merge.add(tool);
  merge.finish(new Set(generated.map(({ name }) => name)));
  return merge.result();
}

class Merge {
  readonly #there: ReadonlyMap<string, FoundTool>;
  readonly #order: ReadonlyMap<string, number>;
  readonly #blocks: Block[] = [];
  readonly #records = new Map<string, ToolRecord>();
  readonly #added: string[] = [];
  readonly #removed: string[] = [];
  readonly #changed: { name: string; parts: string[] }[] = [];
  readonly #conflicts: { name: string; parts: string[] }[] = [];
  readonly #edited: string[] = [];

  constructor(
    private readonly before: ImportRecord | undefined,
    private readonly found: readonly FoundTool[],
  ) {
    this.#there = new Map(found.map((tool) => [tool.name, tool]));
    this.#order = new Map(found.map((tool, index) => [tool.name, index]));
  }

  add({ name, operation, group, definition: unnamed }: NamedTool): void {
    const definition: Node = { name, ...unnamed };
    const [base, current] = [this.#base(name), this.#there.get(name)];
    const parts = partsOf(definition);
    const record = { operation, group, parts };
    const write = (text: string) => void this.#blocks.push({ name, group, text });
    if (current === undefined) {
      this.#records.set(name, record);
      // Who removed it did not want it.
      if (base === undefined) {
        this.#added.push(name);
        write(blockOf(definition));
      }
      return;
    }
    const ofHand = base === undefined ? ['name'] : differences(partsOf(current.definition), base.parts);
    const isSame = !current.hasComment && differences(partsOf(current.definition), parts).length === 0;
    const isEdited = !isSame && (current.hasComment || ofHand.length > 0);
    if (isEdited) {
      const behind = [...new Set([...(base?.behind ?? []), ...(base === undefined ? ['name'] : differences(base.parts, parts))])];
      this.#records.set(name, behind.length === 0 ? record : { ...record, behind });
      this.#edited.push(name);
      if (behind.length > 0) this.#conflicts.push({ name, parts: behind });
      return write(current.text);
    }
    this.#records.set(name, record);
    if (isSame) return write(current.text);
    this.#changed.push({ name, parts: differences(base?.parts ?? {}, parts) });
    return write(blockOf(definition));
  }

  /** What stands in the folder and the source does not give. */
  finish(generated: ReadonlySet<string>): void {
    for (const { name, text, definition, hasComment } of this.found) {
      if (generated.has(name)) continue;
      const base = this.#base(name);
      const isOfHand = base === undefined || hasComment || differences(partsOf(definition), base.parts).length > 0;
      if (!isOfHand) {
        this.#removed.push(name);
        continue;
      }
      this.#blocks.push({ name, group: base?.group ?? 'own', text });
      if (base === undefined) continue;
      this.#edited.push(name);
      this.#conflicts.push({ name, parts: [GONE] });
    }
  }

  result(): MergedTools {
    const place = ({ name }: Block) => this.#order.get(name) ?? this.#order.size;
    return {
      blocks: this.#blocks.toSorted((a, b) => place(a) - place(b)),
      records: Object.fromEntries(this.#records),
      ...{ added: this.#added, removed: this.#removed, changed: this.#changed, conflicts: this.#conflicts, edited: this.#edited },
    };
  }

  #base(name: string): ToolRecord | undefined {
    const tools = this.before?.tools;
    return tools !== undefined && Object.hasOwn(tools, name) ? tools[name] : undefined;
  }
}
