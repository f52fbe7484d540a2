import { behaviours, titles } from './behaviours.js';
import type { CrashResult } from './crash-run.js';

/** Crash point → what the provider holds → what we hold → outcome, as Markdown. */
export function crashTable(results: readonly CrashResult[]): string {
  const head = ['killed at', 'provider holds', 'we hold', ...behaviours.map((behaviour) => titles[behaviour])];
  const byPoint = Map.groupBy(results, ({ point }) => point);
  const rows = [...byPoint].map(([point, of]) => {
    const outcomes = behaviours.map((behaviour) => of.find((one) => one.behaviour === behaviour)?.outcome ?? '');
    return [point, joined(of, 'provider'), joined(of, 'ours'), ...outcomes];
  });
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function joined(of: readonly CrashResult[], column: 'provider' | 'ours'): string {
  return [...new Set(of.map((one) => one[column]))].join(' or ');
}
