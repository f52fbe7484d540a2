import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { RefreshStep } from '../../src/refresh/steps.js';
import type { Order, Report, StepTrap } from './orders.js';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const LOADER = ['--conditions=@keyward/source', '--no-warnings', '--import', './test/support/source-loader.mjs'];
const MAIN = 'apps/token-refresher/test/faults/main.ts';

export interface TakenStep {
  step: RefreshStep;
  connection: string;
  generation: number;
}

/** A refresher in a process of its own. */
export class Replica {
  /** Every step it has told of, oldest first. */
  readonly steps: TakenStep[] = [];
  readonly #trapped = new Map<number, () => void>();
  readonly #gone: Promise<void>;
  #traps = 0;
  #stopped = false;

  private constructor(private readonly child: ChildProcess) {
    this.#gone = once(child, 'exit').then(() => undefined);
  }

  /** @returns once it serves. @throws Error where it ends before */
  static async start(env: Record<string, string>): Promise<Replica> {
    const child = spawn(process.execPath, [...LOADER, MAIN], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', env['KEYWARD_LOG_LEVEL'] === 'fatal' ? 'ignore' : 'inherit', 'inherit', 'ipc'],
    });
    const replica = new Replica(child);
    const started = new Promise<void>((resolve) => child.on('message', (report: Report) => replica.#hear(report, resolve)));
    await Promise.race([
      started,
      replica.#gone.then(() => Promise.reject(new Error(`a replica ended at its start: ${child.exitCode ?? child.signalCode}`))),
    ]);
    return replica;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Stopped by SIGSTOP, by its own trap or from outside. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** @returns a promise that resolves when the step is reached, just before the blow; never where it is not reached. */
  trap(trap: Omit<StepTrap, 'id' | 'nth'> & { nth?: number }): Promise<void> {
    const id = ++this.#traps;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#trapped.set(id, () => {
      if (trap.blow.do === 'stop') this.#stopped = true;
      resolve();
    });
    this.#order({ kind: 'arm', trap: { nth: 1, ...trap, id } });
    return promise;
  }

  /** Refreshes that wait at a step go on. */
  resume(): void {
    this.#order({ kind: 'resume' });
  }

  /** @param shiftMs how far its wall clock is off from now on */
  shiftClock(shiftMs: number): void {
    this.#order({ kind: 'clock', shiftMs });
  }

  halt(): void {
    this.#stopped = true;
    this.child.kill('SIGSTOP');
  }

  goOn(): void {
    this.#stopped = false;
    this.child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#gone;
  }

  /** As an orchestrator does: drained, by SIGTERM. */
  async stop(): Promise<void> {
    if (!this.alive) return;
    this.goOn();
    this.child.kill('SIGTERM');
    await this.#gone;
  }

  /** Resolves when it has ended, however. */
  gone(): Promise<void> {
    return this.#gone;
  }

  #order(order: Order): void {
    if (this.child.connected) this.child.send(order);
  }

  #hear(report: Report, started: () => void): void {
    if (report.kind === 'started') started();
    if (report.kind === 'step')
      this.steps.push({ step: report.step, connection: report.connection, generation: report.generation });
    if (report.kind === 'trapped') this.#trapped.get(report.id)?.();
  }
}
