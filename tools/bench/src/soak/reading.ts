import type { Run } from '../load/loops.js';
import { openFiles, residentMb } from '../processes.js';

/** How things stood at the end of one stretch of the load. */
export interface Reading {
  /** Since the first one began. */
  minute: number;
  rate: number;
  errors: number;
  p50Ms: number;
  p99Ms: number;
  /** Service → resident memory in MB. */
  residentMb: Record<string, number>;
  /** Service → open file descriptors. */
  openFiles: Record<string, number>;
}

export function readingOf(minute: number, run: Run, pids: Readonly<Record<string, number>>): Reading {
  const ofEach = (read: (pid: number) => number) =>
    Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, read(pid)]));
  return {
    minute,
    rate: run.rate,
    errors: run.errors,
    p50Ms: run.samples.percentile(50),
    p99Ms: run.samples.percentile(99),
    residentMb: ofEach(residentMb),
    openFiles: ofEach(openFiles),
  };
}
