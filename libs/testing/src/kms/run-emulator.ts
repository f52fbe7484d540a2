import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, protectChild } from '@keyward/embedded';
import { createKey, kmsDefect } from './probe.js';
import { lastLine, type KmsOutcome } from './source.js';

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
/** A port that was free a moment ago may be taken by the time the emulator listens. */
const PORT_ATTEMPTS = 3;

export interface EmulatorCommand {
  what: string;
  command: string;
  args(port: number): string[];
  env(port: number): NodeJS.ProcessEnv;
}

/** Starts the program as our child on a free port of 127.0.0.1 and probes it. */
export async function runEmulator(emulator: EmulatorCommand): Promise<KmsOutcome> {
  let why = '';
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const outcome = await runOnce(emulator, await freePort());
    if ('kms' in outcome) return outcome;
    why = outcome.why;
    if (!outcome.ended) break;
  }
  return { why };
}

async function runOnce(emulator: EmulatorCommand, port: number): Promise<KmsOutcome & { ended?: boolean }> {
  const { what } = emulator;
  const child = spawn(emulator.command, emulator.args(port), { stdio: ['ignore', 'ignore', 'pipe'], env: emulator.env(port) });
  protectChild(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)));
  child.on('error', (error) => (said = error.message));
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const running = (): boolean => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  const stop = async (): Promise<void> => {
    if (!running()) return;
    child.ref(); // so that this process lives to see the end
    child.kill('SIGTERM');
    await gone;
  };
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await Promise.race([answers(endpoint, running), gone]);
    if (!running()) {
      await gone; // what it said is known only then
      return { why: `${what}: ended at start: ${lastLine({ message: said })}`, ended: true };
    }
    const defect = await kmsDefect(endpoint);
    if (defect !== undefined) throw new Error(`it ${defect}`);
    child.unref();
    (child.stderr as Socket).unref(); // a pipe to a child is a socket, whatever the types say
    return { kms: { endpoint, what, stop } };
  } catch (thrown) {
    await stop();
    return { why: `${what}: ${lastLine(thrown)}` };
  }
}

async function answers(endpoint: string, running: () => boolean): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (running()) {
    try {
      await createKey(endpoint);
      return;
    } catch (thrown) {
      if (Date.now() > deadline) throw thrown;
      await delay(POLL_MS);
    }
  }
}
