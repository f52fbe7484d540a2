import { type Contract, isObject } from '@keyward/vendor-emulation';

const INDENTED_LEVELS = 4;

/** One line per operation's part and per schema: a change shows in a diff, and the file stays small. */
export function writeContract(contract: Contract): string {
  return `${write(contract, 0)}\n`;
}

function write(node: unknown, level: number): string {
  if (!isObject(node) || level >= INDENTED_LEVELS || Object.keys(node).length === 0) return JSON.stringify(node);
  const inner = '  '.repeat(level + 1);
  const lines = Object.entries(node).map(([key, value]) => `${inner}${JSON.stringify(key)}: ${write(value, level + 1)}`);
  return `{\n${lines.join(',\n')}\n${'  '.repeat(level)}}`;
}
