import { wordsOf } from '../names/words.js';

/** One tool as it stands in a file. */
export interface Block {
  readonly name: string;
  readonly group: string;
  readonly text: string;
}

/** A file of tools that a loader reads holds no more than 500, in 2 MB. */
export const MAX_TOOLS = 450;
export const MAX_BYTES = 1_600_000;

/** `tools.yaml` where that is enough, else `tools/<group>.yaml`, several where a group is too large: file → its tools, in order. */
export function planFiles(blocks: readonly Block[]): ReadonlyMap<string, readonly Block[]> {
  if (fits(blocks)) return new Map([['tools.yaml', blocks]]);
  const groups = new Map<string, Block[]>();
  for (const block of blocks) {
    const name = wordsOf(block.group).join('-').slice(0, 60) || 'tools';
    groups.set(name, [...(groups.get(name) ?? []), block]);
  }
  const files = new Map<string, readonly Block[]>();
  for (const [name, group] of groups) {
    for (const [index, part] of partsOf(group).entries())
      files.set(`tools/${name}${index === 0 ? '' : `-${index + 1}`}.yaml`, part);
  }
  return files;
}

function fits(blocks: readonly Block[]): boolean {
  return blocks.length <= MAX_TOOLS && blocks.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) <= MAX_BYTES;
}

function partsOf(blocks: readonly Block[]): Block[][] {
  const parts: Block[][] = [[]];
  let bytes = 0;
  for (const block of blocks) {
    const size = Buffer.byteLength(block.text);
    const last = parts.at(-1) as Block[];
    if (last.length > 0 && (last.length >= MAX_TOOLS || bytes + size > MAX_BYTES)) {
      parts.push([block]);
      bytes = size;
    } else {
      last.push(block);
      bytes += size;
    }
  }
  return parts;
}
