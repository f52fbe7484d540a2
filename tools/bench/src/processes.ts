import { readFileSync } from 'node:fs';

/** Linux counts CPU time in ticks of 1/100 s (`getconf CLK_TCK`), the same on every architecture that Node runs on. */
const TICK_US = 10_000;

/** User and system CPU time of a process so far, in µs (proc(5), fields utime and stime). */
export function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in parentheses and may itself hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

/**
 * CPU time that some processes spend from now on, in µs. The list is read anew each time: a session of PostgreSQL that began meanwhile
 * counts as a whole, one that ended counts no more.
 */
export function cpuMeter(pids: () => number[]): () => number {
  const read = () => new Map(pids().map((pid) => [pid, cpuMicros(pid)]));
  const before = read();
  return () => [...read()].reduce((sum, [pid, micros]) => sum + micros - (before.get(pid) ?? 0), 0);
}

/** Resident set size in MB (proc(5), VmRSS). */
export function residentMb(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN) / 1024;
}
