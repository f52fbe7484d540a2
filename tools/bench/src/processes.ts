import { readdirSync, readFileSync } from 'node:fs';

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
 * CPU time that some processes spend from now on, in µs. The list is read anew at each reading: what began meanwhile counts as a whole, and
 * what ended with what it had spent at the last reading.
 * @returns takes a reading
 */
export function cpuMeter(pids: () => readonly number[]): () => number {
  const read = () => pids().flatMap((pid) => cpuIfRunning(pid));
  const before = new Map(read());
  const latest = new Map(before);
  return () => {
    for (const [pid, micros] of read()) latest.set(pid, micros);
    return [...latest].reduce((sum, [pid, micros]) => sum + micros - (before.get(pid) ?? 0), 0);
  };
}

function cpuIfRunning(pid: number): [pid: number, micros: number][] {
  try {
    return [[pid, cpuMicros(pid)]];
  } catch {
    return [];
  }
}

/** What all processes of the machine spend from now on, in µs, over all cores (proc(5), `/proc/stat`). @returns takes a reading */
export function machineMeter(): () => number {
  const read = () => {
    const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8').split(/\s+/).map(Number);
    return [user, nice, system, irq, softirq, steal].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0) * TICK_US;
  };
  const before = read();
  return () => read() - before;
}

/** Command line of a process, or what it calls itself (proc(5)); empty where it has ended. */
export function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Open file descriptors, sockets among them (proc(5), `fd`). */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Resident set size in MB (proc(5), VmRSS). */
export function residentMb(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN) / 1024;
}
