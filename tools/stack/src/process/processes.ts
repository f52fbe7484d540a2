import type { ServiceName } from '../services/names.js';
import type { Supervised } from './supervised.js';

export type ProcessName = ServiceName | 'sandbox' | 'postgres' | 'nats';

export interface ProcessHandle {
  /** 0 while it is not running. */
  readonly pid: number;
  /** How often it ended without being asked to. */
  readonly crashes: number;
  readonly logFile: string;
  /** As a crash would: it is started again. Default SIGKILL. */
  kill(signal?: NodeJS.Signals): void;
  /** Stops it in an orderly way, and leaves it so until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** All processes of a stack, in the order in which they were started. */
export class Processes {
  private readonly all = new Map<ProcessName, Supervised>();

  async start(name: ProcessName, supervised: Supervised): Promise<void> {
    this.all.set(name, supervised);
    await supervised.start();
  }

  handle(name: ProcessName): ProcessHandle {
    const supervised = this.all.get(name);
    if (supervised === undefined) throw new Error(`this stack has no process ${name}`);
    return supervised;
  }

  pids(): Record<string, number> {
    return Object.fromEntries([...this.all].map(([name, supervised]) => [name, supervised.pid]));
  }

  /** Newest first: whoever asks goes before whoever answers. */
  async stop(): Promise<void> {
    for (const supervised of [...this.all.values()].reverse()) await supervised.stop();
  }
}
