import { behaviours, titles } from './behaviours.js';
import type { Blow, CrashResult } from './crash-run.js';

const BLOWS: Record<Blow, string> = {
  kill: 'Killed there, and recovered by another replica or a restart',
  sleep: 'Stopped there until others were done, then woken',
  hang: 'Nothing more is heard, and nobody dies',
  close: 'The connection breaks, and nobody dies',
};

/** Crash point → what the provider holds → what we hold → outcome, as Markdown, a table for each kind of blow. */
export function crashTables(results: readonly CrashResult[]): string {
  const byBlow = Map.groupBy(results, ({ blow }) => blow);
  return [...byBlow].map(([blow, of]) => `### ${BLOWS[blow]}\n\n${table(of)}`).join('\n\n');
}

function table(results: readonly CrashResult[]): string {
  const head = ['where', 'provider takes', 'we hold', ...behaviours.map((behaviour) => titles[behaviour])];
  const byPoint = Map.groupBy(results, ({ point }) => point);
  const rows = [...byPoint].map(([point, of]) => {
    const outcomes = behaviours.map((behaviour) => of.find((one) => one.behaviour === behaviour)?.outcome ?? '');
    return [point, joined(of.map(({ provider }) => provider)), joined(of.map(({ ours }) => ours)), ...outcomes];
  });
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function joined(values: readonly (string | undefined)[]): string {
  return [...new Set(values.filter((value) => value !== undefined))].join(' or ');
}
