import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { StackPaths } from './paths.js';

/** Two servers on one data directory would destroy it. */
export class AlreadyRunning extends Error {
  constructor(
    readonly pid: number,
    dir: string,
  ) {
    super(
      `A stack already runs on ${dir} (process ${pid}).\n` +
        `Stop it with Ctrl-C where it was started, or: kill ${pid}\n` +
        'For a second one beside it, use another directory: KEYWARD_HOME=<directory> npm start',
    );
    this.name = 'AlreadyRunning';
  }
}

/** When a process was started, in whatever form: with it, a pid that was given to another process is not mistaken for the old one. */
function startTime(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22 of proc(5); counting starts behind the name, which may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function holder(lockFile: string): number | undefined {
  try {
    const [pid, started] = readFileSync(lockFile, 'utf8').trim().split('\n');
    const time = startTime(Number(pid));
    return time !== undefined && time === started ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** The process that runs a stack on this directory, if one does. */
export function runningStack(paths: StackPaths): number | undefined {
  return holder(paths.lockFile);
}

/**
 * Takes the directory for this process until `release`; a lock whose holder is gone does not count.
 * @throws AlreadyRunning
 */
export function takeLock(paths: StackPaths): () => void {
  const content = `${process.pid}\n${startTime(process.pid) ?? ''}\n`;
  for (;;) {
    try {
      writeFileSync(paths.lockFile, content, { flag: 'wx', mode: 0o600 });
      return () => rmSync(paths.lockFile, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const pid = holder(paths.lockFile);
    if (pid !== undefined) throw new AlreadyRunning(pid, paths.dir);
    rmSync(paths.lockFile, { force: true });
  }
}
