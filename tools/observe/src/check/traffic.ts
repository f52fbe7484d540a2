import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionResult } from '@keyward/contracts';
import { ApiError, JsonClient } from '@keyward/sdk';
import type { StackInfo } from '@keyward/stack';

const PAUSE_MS = 60;
/** Of the storm: the provider forgets tokens once for so many calls. */
const CALLS_PER_BLOW = 10;

/** Calls one after the other, each for the next of the people; in a storm the provider forgets all access tokens over and over again. */
export class Traffic {
  readonly counts = { calls: 0, succeeded: 0, expired: 0 };
  readonly failures = new Map<string, number>();
  isStormy = false;
  readonly #agent: JsonClient;
  readonly #sandbox: JsonClient;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(
    info: StackInfo,
    sandboxManagementToken: string,
    private readonly people: readonly string[],
  ) {
    this.#agent = new JsonClient(info.gatewayUrl, info.agentKey);
    this.#sandbox = new JsonClient(info.sandbox.url, sandboxManagementToken);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when no call is under way. @throws what made it stop by itself */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Rejects where it stopped by itself. */
  get broken(): Promise<never> {
    return new Promise((_, reject) => this.#running?.catch(reject));
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#stopped; number++) {
      // Between two calls: a new token that were forgotten before its first use would be a grant that is none any more.
      if (this.isStormy && number % CALLS_PER_BLOW === 0) await this.#forgetTokens();
      await this.#call(this.people[number % this.people.length] ?? '');
      await delay(PAUSE_MS);
    }
  }

  async #forgetTokens(): Promise<void> {
    const { expired } = await this.#sandbox.post<{ expired: number }>('/sandbox/tokens/expire', {});
    this.counts.expired += expired;
  }

  async #call(user: string): Promise<void> {
    this.counts.calls++;
    const outcome = await this.#outcome(user);
    if (outcome === 'succeeded') this.counts.succeeded++;
    else this.failures.set(outcome, (this.failures.get(outcome) ?? 0) + 1);
  }

  async #outcome(user: string): Promise<string> {
    try {
      const result = await this.#agent.post<ExecutionResult>('/v1/tools/sandbox_list_notes/execute', {
        user,
        arguments: { limit: 1 },
      });
      return result.state === 'succeeded' ? 'succeeded' : (result.error?.code ?? result.state);
    } catch (error) {
      if (error instanceof ApiError) return error.code;
      throw error;
    }
  }
}
