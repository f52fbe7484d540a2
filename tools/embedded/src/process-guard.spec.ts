import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Starts both servers in a process of its own, which then waits to be killed. */
const PROGRAM = `
import { mkdtempSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeWhenGone, startNats, startPostgres } from '@keyward/embedded';
const directory = mkdtempSync(join(tmpdir(), 'keyward-guard-'));
chmodSync(directory, 0o711);
removeWhenGone(directory);
const postgres = await startPostgres({ dataDir: join(directory, 'postgres'), durable: false });
const nats = await startNats({ storeDir: join(directory, 'nats') });
console.log(JSON.stringify({ directory, pids: [postgres.pid, nats.pid] }));
setInterval(() => undefined, 1_000);
`;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within 15 s: ${condition.toString()}`);
    await delay(20);
  }
}

it('leaves no server and no directory behind when the process that started them is killed outright', async () => {
  const options = [
    '--conditions=@keyward/source',
    '--import',
    './test/support/source-loader.mjs',
    '--input-type=module',
    '-e',
    PROGRAM,
  ];
  const child = spawn(process.execPath, options, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { directory, pids } = JSON.parse(line) as { directory: string; pids: number[] };
  expect(pids.map(isAlive)).toEqual([true, true]);
  expect(existsSync(directory)).toBe(true);
  child.kill('SIGKILL');
  await until(() => !pids.some(isAlive));
  await until(() => !existsSync(directory));
});
