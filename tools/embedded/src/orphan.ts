import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/**
 * Stops a server that an earlier run left behind on the same data: its guard was killed too, or is still at work.
 * @param pidFile the server's own pid file; its first line is the pid
 * @param directory must be in the command line, since the pid may by now be somebody else's
 */
export async function stopOrphan(pidFile: string, directory: string, signal: NodeJS.Signals): Promise<void> {
  let pid: number;
  try {
    pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  } catch {
    return;
  }
  const isOurs = (): boolean => pid > 1 && isAlive(pid) && commandLine(pid).includes(directory);
  if (!isOurs()) return;
  process.kill(pid, signal);
  const deadline = Date.now() + 10_000;
  while (isOurs()) {
    if (Date.now() > deadline) process.kill(pid, 'SIGKILL');
    await delay(25);
  }
}
