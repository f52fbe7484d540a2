import { dismissGuard } from '@keyward/embedded';
import type { Stack } from '../stack.js';

/** A second Ctrl-C this long after the first means it; closer, it is the same one, passed on by npm as well as by the terminal. */
const INSISTS_AFTER_MS = 1_500;

/**
 * The life of `npm start`: starts, waits for Ctrl-C (or for the launcher to be gone), stops everything, ends the process.
 * @param start gives undefined when there is nothing to keep running
 */
export async function runUntilStopped(start: (signal: AbortSignal) => Promise<Stack | undefined>): Promise<void> {
  const stopping = new AbortController();
  const asked = new Promise<void>((resolve) => {
    let firstAt = 0;
    const stop = (): void => {
      if (firstAt === 0) process.stdout.write('\nStopping …\n');
      else if (Date.now() - firstAt > INSISTS_AFTER_MS) process.exit(1);
      else return;
      firstAt = Date.now();
      stopping.abort(new Error('stopped before it was ready'));
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
    process.on('disconnect', stop);
    // What we print has no reader any more; whoever read it is gone.
    process.stdout.on('error', () => undefined);
  });
  try {
    const stack = await start(stopping.signal);
    if (stack !== undefined) {
      await asked;
      await stack.stop();
      process.stdout.write('Stopped.\n');
    }
    await dismissGuard();
    process.exit(0);
  } catch (error) {
    if (stopping.signal.aborted) {
      process.stdout.write('Stopped.\n');
      process.exit(130);
    }
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
