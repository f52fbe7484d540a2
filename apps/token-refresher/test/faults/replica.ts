import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { RefreshStep } from '../../src/refresh/steps.js';
import type { Order, Report, StepTrap } from './orders.js';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const LOADER = ['--conditions=@keyward/source', '--no-warnings', '--import', './test/support/source-loader.mjs'];
const MAIN = 'apps/token-refresher/test/faults/main.ts';

const spares: ChildProcess[] = [];

/** Does nothing before it is told with which environment to start; ends with us. */
function load(): ChildProcess {
  const child = spawn(process.execPath, [...LOADER, MAIN], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', process.env['KEYWARD_LOG_LEVEL'] === undefined ? 'ignore' : 'inherit', 'inherit', 'ipc'],
  });
  // An order may meet one that has died just now; that it has, its end tells.
  child.on('error', () => undefined);
  return child;
}

export interface TakenStep {
  step: RefreshStep;
  connection: string;
  generation: number;
}

export interface ArmedTrap {
  /** Resolves when the step is reached, just before the blow; never where it is not reached. */
  readonly fired: Promise<void>;
  disarm(): void;
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
    const child = spares.pop() ?? load();
    const replica = new Replica(child);
    const started = new Promise<void>((resolve) => child.on('message', (report: Report) => replica.#hear(report, resolve)));
    replica.#order({ kind: 'start', env });
    await Promise.race([
      started,
      replica.#gone.then(() => Promise.reject(new Error(`a replica ended at its start: ${child.exitCode ?? child.signalCode}`))),
    ]);
    return replica;
  }

  /** Loading takes longer than starting: processes that are loaded ahead of time make a death short. Kills those that are left over. */
  static keepSpares(count: number): void {
    while (spares.length < count) spares.push(load());
    for (const spare of spares.splice(count)) spare.kill('SIGKILL');
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Stopped by SIGSTOP, by its own trap or from outside. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** `nth` is 1 where it is left out. */
  trap(trap: Omit<StepTrap, 'id' | 'nth'> & { nth?: number }): ArmedTrap {
    const id = ++this.#traps;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#trapped.set(id, () => {
      if (trap.blow.do === 'stop') this.#stopped = true;
      resolve();
    });
    this.#order({ kind: 'arm', trap: { nth: 1, ...trap, id } });
    return { fired: promise, disarm: () => this.#order({ kind: 'disarm', id }) };
  }

  /** Refreshes that wait at a step go on. */
  resume(): void {
    this.#order({ kind: 'resume' });
  }

  /** @param shiftMs how far its wall clock is off from now on */
  shiftClock(shiftMs: number): void {
    this.#order({ kind: 'clock', shiftMs });
  }

  /** Traps that have not sprung do not any more. */
  disarm(): void {
    this.#order({ kind: 'disarm' });
  }

  /** Steps taken so far, and the clock that is off. */
  forget(): void {
    this.steps.length = 0;
    this.shiftClock(0);
  }

  halt(): void {
    this.#stopped = true;
    this.child.kill('SIGSTOP');
  }

  goOn(): void {
    this.#stopped = false;
    if (this.alive) this.child.kill('SIGCONT');
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

  /** The latest step of a connection here. */
  lastStep(connection: string): RefreshStep | undefined {
    return this.steps.findLast((one) => one.connection === connection)?.step;
  }

  /** Whether a refresh of the connection has taken the step here. */
  has(connection: string, step: RefreshStep): boolean {
    return this.steps.some((one) => one.connection === connection && one.step === step);
  }

  /** Resolves when it has ended, however. */
  gone(): Promise<void> {
    return this.#gone;
  }

  /** To a process that has died just now it is lost, as it would be to a machine. */
  #order(order: Order): void {
    if (this.child.connected) this.child.send(order, () => undefined);
  }

  #hear(report: Report, started: () => void): void {
    if (report.kind === 'started') started();
    if (report.kind === 'step')
      this.steps.push({ step: report.step, connection: report.connection, generation: report.generation });
    if (report.kind === 'trapped') this.#trapped.get(report.id)?.();
  }
}
