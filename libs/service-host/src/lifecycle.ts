import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Readiness } from './ops/readiness.js';

const RETRY_MS = 250;
const MAX_RETRY_MS = 2000;
const SAY_SO_EVERY_MS = 5000;

/** The service was asked to stop while it was still starting. */
export class StoppedWhileStarting extends Error {}

/** The two ends of a service's life: waiting for what it needs, and letting go of it in order. */
export class Lifecycle {
  private readonly stop = new AbortController();
  private readonly closers: { name: string; close: () => Promise<void> | void }[] = [];

  constructor(
    private readonly logger: Logger,
    private readonly readiness: Readiness,
  ) {}

  get stopping(): AbortSignal {
    return this.stop.signal;
  }

  onDrain(name: string, close: () => Promise<void> | void): void {
    this.closers.push({ name, close });
  }

  beginStop(): void {
    this.readiness.beginDrain();
    this.stop.abort();
  }

  async waitFor<T>(dependency: string, attempt: () => Promise<T>): Promise<T> {
    this.readiness.beginWait(dependency);
    let spokeAt = -Infinity;
    for (let retry = 0; ; retry++) {
      this.stopIfAsked();
      try {
        const result = await attempt();
        this.readiness.endWait(dependency);
        if (retry > 0) this.logger.info({ dependency }, `${dependency} is there`);
        return result;
      } catch (error) {
        if (performance.now() - spokeAt >= SAY_SO_EVERY_MS) {
          spokeAt = performance.now();
          this.logger.warn({ dependency, err: error }, `waiting for ${dependency}`);
        }
      }
      await this.pause(Math.min(RETRY_MS * 2 ** retry, MAX_RETRY_MS));
    }
  }

  /** One that fails is logged and does not keep the others from closing. */
  async drain(): Promise<void> {
    for (const { name, close } of this.closers) {
      try {
        await close();
      } catch (error) {
        this.logger.error({ step: name, err: error }, `closing ${name} failed`);
      }
    }
  }

  private stopIfAsked(): void {
    if (this.stopping.aborted) throw new StoppedWhileStarting();
  }

  private async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.stopping }).catch(() => this.stopIfAsked());
  }
}
