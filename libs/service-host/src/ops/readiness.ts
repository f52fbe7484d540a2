import type { Logger } from 'pino';
import { describeError } from '../log/describe-error.js';

const CHECK_TIMEOUT_MS = 2000;

export interface CheckResult {
  name: string;
  ok: boolean;
  /** An error's code or type, never its text: this page has no password. */
  reason?: string;
  durationMs: number;
}

export interface ReadinessReport {
  ready: boolean;
  checks: CheckResult[];
}

/** Whether this process should get work now: no check fails, nothing is still being waited for, and nobody asked it to stop. */
export class Readiness {
  private readonly checks = new Map<string, () => Promise<void> | void>();
  private readonly failing = new Set<string>();
  private readonly pending = new Set<string>(['start']);
  private draining = false;
  private running: Promise<ReadinessReport> | undefined;

  constructor(private readonly logger: Logger) {}

  add(name: string, check: () => Promise<void> | void): void {
    if (this.checks.has(name)) throw new Error(`a readiness check named ${name} exists already`);
    this.checks.set(name, check);
  }

  beginWait(name: string): void {
    this.pending.add(name);
  }

  endWait(name: string): void {
    this.pending.delete(name);
  }

  beginDrain(): void {
    this.draining = true;
  }

  /** Askers at the same moment share one run, so that probes cannot multiply the load on a dependency. */
  report(): Promise<ReadinessReport> {
    if (this.draining) return Promise.resolve({ ready: false, checks: [{ name: 'draining', ok: false, durationMs: 0 }] });
    this.running ??= this.run().finally(() => (this.running = undefined));
    return this.running;
  }

  private async run(): Promise<ReadinessReport> {
    const waits = [...this.pending].map((name): CheckResult => ({ name, ok: false, reason: 'waiting', durationMs: 0 }));
    const results = await Promise.all([...this.checks].map(([name, check]) => this.runCheck(name, check)));
    const checks = [...waits, ...results];
    return { ready: checks.every((check) => check.ok), checks };
  }

  private async runCheck(name: string, check: () => Promise<void> | void): Promise<CheckResult> {
    const started = performance.now();
    const elapsed = () => Math.round(performance.now() - started);
    try {
      await withTimeout(Promise.resolve().then(check));
      if (this.failing.delete(name)) this.logger.info({ check: name }, 'readiness check passes again');
      return { name, ok: true, durationMs: elapsed() };
    } catch (error) {
      if (!this.failing.has(name)) this.logger.warn({ check: name, err: error }, 'readiness check fails');
      this.failing.add(name);
      const { code, type } = describeError(error);
      return { name, ok: false, reason: String(code ?? type), durationMs: elapsed() };
    }
  }
}

class CheckTimeout extends Error {
  readonly code = 'timeout';
}

async function withTimeout(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CheckTimeout(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
