import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';

/**
 * Reads registrations from its standard input. When that ends, the process that wrote them is gone, however it went: what is still
 * registered is then stopped newest first, killed if it does not listen within 10 s, and the registered directories are removed.
 */
const GUARD_SCRIPT = `
set -f
trap '' INT TERM HUP
children=''
directories=''
while read -r verb rest; do
  case $verb in
    protect) children="$rest $children" ;;
    release) kept=''
      for child in $children; do [ "\${child#*:}" = "$rest" ] || kept="$kept $child"; done
      children=$kept ;;
    remove) directories="$directories$rest
" ;;
  esac
done
for child in $children; do kill -s "\${child%%:*}" "\${child#*:}" 2>/dev/null; done
waited=0
for child in $children; do
  while kill -0 "\${child#*:}" 2>/dev/null; do
    if [ $waited -ge 100 ]; then kill -s KILL "\${child#*:}" 2>/dev/null; break; fi
    sleep 0.1
    waited=$((waited + 1))
  done
done
IFS='
'
for directory in $directories; do rm -rf -- "$directory"; done
`;

let guard: ChildProcess | undefined;

function tell(line: string): void {
  if (guard === undefined || guard.exitCode !== null) {
    // Its own session: a Ctrl-C in the terminal must not reach the guard before its work is done.
    guard = spawn('/bin/sh', ['-c', GUARD_SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
    guard.unref();
    guard.stdin?.on('error', () => undefined);
    (guard.stdin as Socket | null)?.unref();
  }
  guard.stdin?.write(`${line}\n`);
}

/**
 * Ties a child to the life of this process, so that nothing is left running even when this process is killed with SIGKILL.
 * @param signal what asks this child to stop in an orderly way
 */
export function protectChild(child: ChildProcess, signal: 'TERM' | 'INT' | 'QUIT' = 'TERM'): void {
  const { pid } = child;
  if (pid === undefined) return;
  tell(`protect ${signal}:${pid}`);
  child.once('exit', () => tell(`release ${pid}`));
}

/** Removes a directory once this process is gone and its children are stopped. */
export function removeWhenGone(directory: string): void {
  tell(`remove ${directory}`);
}

/** Ends the guard, for a process that has stopped its children itself and wants to leave nothing behind, not even for a moment. */
export async function dismissGuard(): Promise<void> {
  if (guard === undefined || guard.exitCode !== null) return;
  const ended = once(guard, 'exit');
  guard.ref();
  guard.stdin?.end();
  await ended;
}
