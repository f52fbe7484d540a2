import { setTimeout as delay } from 'node:timers/promises';

/** Something that runs until it ends or is ended. */
export interface Running {
  pid: number;
  /** Asks it to stop; resolves once it has. */
  stop(): Promise<void>;
  /** Resolves with how it ended, such as `code 1` or `SIGKILL`. */
  ended: Promise<string>;
}

export interface SupervisedOptions {
  name: string;
  logFile: string;
  launch: () => Promise<Running>;
  /** Told of crashes and restarts. */
  tell: (message: string) => void;
  onRestart?: () => void;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** What ran this long was well; the next crash is a new story. */
const STABLE_MS = 30_000;

/** Keeps one process running: what ends without being asked to is started again, later and later as long as it keeps ending. */
export class Supervised {
  private running: Running | undefined;
  private wanted = false;
  private delayMs = FIRST_DELAY_MS;
  private crashCount = 0;
  private wake = new AbortController();

  constructor(private readonly options: SupervisedOptions) {}

  get name(): string {
    return this.options.name;
  }

  get logFile(): string {
    return this.options.logFile;
  }

  /** 0 while it is not running. */
  get pid(): number {
    return this.running?.pid ?? 0;
  }

  /** How often it ended without being asked to. */
  get crashes(): number {
    return this.crashCount;
  }

  async start(): Promise<void> {
    if (this.wanted) return;
    this.wanted = true;
    this.wake = new AbortController();
    await this.launch();
  }

  async stop(): Promise<void> {
    this.wanted = false;
    this.wake.abort();
    await this.running?.stop();
    this.running = undefined;
  }

  /** As a crash would: it is started again. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.running !== undefined) process.kill(this.running.pid, signal);
  }

  private async launch(): Promise<void> {
    const running = await this.options.launch();
    if (!this.wanted) return running.stop();
    this.running = running;
    const startedAt = Date.now();
    void running.ended.then((how) => {
      if (!this.wanted || this.running !== running) return;
      this.running = undefined;
      if (Date.now() - startedAt > STABLE_MS) this.delayMs = FIRST_DELAY_MS;
      void this.restart(how);
    });
  }

  private async restart(how: string): Promise<void> {
    const { name, logFile, tell } = this.options;
    this.crashCount += 1;
    tell(`${name} ended (${how}); starting it again in ${this.delayMs / 1000} s. Its log: ${logFile}`);
    await delay(this.delayMs, undefined, { signal: this.wake.signal }).catch(() => undefined);
    this.delayMs = Math.min(this.delayMs * 2, LONGEST_DELAY_MS);
    if (!this.wanted) return;
    try {
      await this.launch();
      tell(`${name} was started again (pid ${this.pid}).`);
      this.options.onRestart?.();
    } catch (error) {
      if (this.wanted) await this.restart(error instanceof Error ? error.message : String(error));
    }
  }
}
