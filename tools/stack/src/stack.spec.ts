import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { AlreadyRunning } from './home/lock.js';
import { root } from './root.js';
import { readStackInfo } from './stack-info.js';
import { startStack, type Stack } from './stack.js';

jest.setTimeout(180_000);

let directory: string;
let stack: Stack | undefined;
let program: ChildProcess | undefined;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyward-stack-'));
});
afterAll(async () => {
  program?.kill('SIGKILL');
  await stack?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const start = (): Promise<Stack> => startStack({ dir: join(directory, 'one'), quiet: true });

/** `npm start` without npm: the same program, in a process of its own. */
async function startProgram(): Promise<{ output: () => string; pids: number[] }> {
  const source = ['--conditions=@keyward/source', '--import', './test/support/source-loader.mjs', 'tools/stack/src/start.ts'];
  const dir = join(directory, 'two');
  const child = spawn(process.execPath, [...source, '--dir', dir], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  program = child;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const ready = (): boolean => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes('Ctrl-C stops everything');
  };
  await waitFor(ready, { timeoutMs: 120_000, what: 'the readiness block' });
  return { output: () => output, pids: Object.values(readStackInfo(dir)?.pids ?? {}) };
}

describe('a stack', () => {
  it('tells where everything is, to its owner alone', async () => {
    stack = await start();
    expect(statSync(stack.paths.stackFile).mode & 0o777).toBe(0o600);
    expect(readStackInfo(stack.paths.dir)).toEqual(stack.info);
    expect(Object.keys(stack.info.pids).sort()).toEqual(
      ['audit-service', 'auth-service', 'gateway', 'nats', 'postgres', 'sandbox', 'token-refresher', 'tool-executor'].sort(),
    );
    expect(Object.values(stack.info.pids).every(isAlive)).toBe(true);
    expect(readFileSync(stack.info.agentCredsFile, 'utf8')).toContain('BEGIN NATS USER JWT');
  });

  it('refuses a second one on the same directory, and says how to have two', async () => {
    await expect(start()).rejects.toThrow(AlreadyRunning);
    expect(Object.values(stack?.info.pids ?? {}).every(isAlive)).toBe(true);
  });

  it('starts a service again that was killed, with its new pid in stack.json', async () => {
    const running = stack as Stack;
    const before = running.service('audit-service').pid;
    running.service('audit-service').kill();
    const after = await waitFor(() => {
      const pid = readStackInfo(running.paths.dir)?.pids['audit-service'] ?? 0;
      return pid !== before && isAlive(pid) ? pid : undefined;
    });
    expect(running.info.pids['audit-service']).toBe(after);
    await waitFor(async () => (await fetch((running.info.metrics['audit-service'] ?? '').replace('metrics', 'readyz'))).ok, {
      timeoutMs: 30_000,
    });
  });

  it('runs beside another one, on ports of its own; what is killed outright leaves no process', async () => {
    const { pids, output } = await startProgram();
    const other = readStackInfo(join(directory, 'two'));
    expect(output()).toMatch(/Keyward is ready[^]*\/connect\/[^]*curl -sS/);
    expect(other?.gatewayUrl).not.toBe(stack?.info.gatewayUrl);
    expect(pids).toHaveLength(8);
    program?.kill('SIGKILL');
    await waitFor(() => !pids.some(isAlive), { timeoutMs: 30_000, what: 'the end of all children' });
    expect(Object.values(stack?.info.pids ?? {}).every(isAlive)).toBe(true);
  });

  it('that was killed outright starts again on its data, and ends with Ctrl-C, leaving no process', async () => {
    const { pids } = await startProgram();
    program?.kill('SIGINT');
    const [code] = (await once(program as ChildProcess, 'exit')) as [number];
    expect([code, pids.filter(isAlive)]).toEqual([0, []]);
    expect(existsSync(join(directory, 'two', 'stack.json'))).toBe(false);
  });

  it('leaves no process when stopped, and keeps its data, keys and ports for the next start', async () => {
    const before = stack as Stack;
    const pids = Object.values(before.info.pids);
    await before.stop();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(readStackInfo(before.paths.dir)).toBeUndefined();
    stack = await start();
    const { pids: _before, agentCredsFile: _file, ...kept } = before.info;
    expect(stack.info).toMatchObject(kept);
  });
});
