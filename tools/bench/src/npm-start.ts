import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** The line of the readiness block that nothing else prints. */
const READY = /^\s*Keyward is ready/;

export interface Running {
  /** As Ctrl-C does; resolves once the process has ended. */
  stop(): Promise<void>;
}

/** `npm start` as a person runs it, on a directory of its own. @throws Error with the end of its output when it ends before it is ready. */
export async function runUntilReady(dir: string): Promise<Running> {
  const child = spawn('npm', ['start', '--', '--dir', dir], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended = once(child, 'exit');
  const said: string[] = [];
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        said.push(line);
        if (READY.test(line)) resolve();
      });
    }
  });
  const failed = ended.then(([code]) => {
    throw new Error(`npm start ended with ${String(code)}:\n${said.slice(-20).join('\n')}`);
  });
  await Promise.race([ready, failed]);
  failed.catch(() => undefined);
  return {
    async stop() {
      // The whole group, as a terminal would.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
      await ended;
    },
  };
}
