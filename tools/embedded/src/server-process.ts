import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { protectChild } from './process-guard.js';

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 15;

export interface ServerCommand {
  name: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  uid?: number | undefined;
  gid?: number | undefined;
  logFile: string;
  stopSignal: 'TERM' | 'INT' | 'QUIT';
}

/** A server that runs as our child and writes to a log file. */
export class ServerProcess {
  private readonly child: ChildProcess;
  private readonly exited: Promise<string>;
  private readonly logStart: number;
  private failure: string | undefined;

  constructor(private readonly what: ServerCommand) {
    const log = openSync(what.logFile, 'a', 0o600);
    this.logStart = readFileSync(what.logFile).length;
    this.child = spawn(what.command, what.args, {
      stdio: ['ignore', log, log],
      cwd: '/',
      env: what.env ?? process.env,
      // Its own process group: Ctrl-C in the terminal goes to us, and we stop things in the right order.
      detached: true,
      ...(what.uid === undefined ? {} : { uid: what.uid }),
      ...(what.gid === undefined ? {} : { gid: what.gid }),
    });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        const how = signal ?? `code ${code}`;
        this.failure = `${what.name} ended with ${how}`;
        resolve(how);
      });
      this.child.once('error', (error) => {
        this.failure = `${what.name} could not be started: ${error.message}`;
        resolve(error.message);
      });
    });
    protectChild(this.child, what.stopSignal);
    this.child.unref();
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.failure === undefined;
  }

  /** What the server wrote since this process started it. */
  log(): string {
    return readFileSync(this.what.logFile).subarray(this.logStart).toString('utf8');
  }

  /** Polls `probe` until it gives a value; a server that ends first, or takes over a minute, is an error with the end of its log. */
  async ready<T>(probe: () => Promise<T | undefined>): Promise<T> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      if (this.failure !== undefined) throw new ServerStartError(this.failure, this.what.logFile, this.log());
      const value = await probe();
      if (value !== undefined) return value;
      if (Date.now() > deadline) {
        await this.kill();
        throw new ServerStartError(`${this.what.name} was not ready within 60 s`, this.what.logFile, this.log());
      }
      await delay(POLL_MS);
    }
  }

  /** Asks the server to stop, and kills it when it has not within 10 s. */
  async stop(): Promise<void> {
    await this.end(`SIG${this.what.stopSignal}`);
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Resolves with how it ended, such as `code 1` or `SIGKILL`. */
  whenExited(): Promise<string> {
    return this.exited;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return;
    this.child.ref();
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.exited;
    clearTimeout(timer);
  }
}

/** A server that did not come up; the message ends with the last lines of its log and says where the rest is. */
export class ServerStartError extends Error {
  constructor(
    message: string,
    logFile: string,
    readonly log: string,
  ) {
    const tail = log.trimEnd().split('\n').slice(-8).join('\n  ');
    super(`${message}.${tail === '' ? '' : `\n  ${tail}`}\n  Log: ${logFile}`);
    this.name = 'ServerStartError';
  }
}
