import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionResult } from '@keyward/contracts';
import { ApiError, JsonClient } from '@keyward/sdk';

const TICK_MS = 25;
/** As a client that takes the answer seriously: the same key, so that nothing is done twice. */
const MAX_TRIES = 40;
const RETRY_MS = 250;
const CALL_TIMEOUT_MS = 20_000;

/** What becomes right by itself: a connection that ended, a process that drains. */
const PASSING = new Set(['dependency_unavailable', 'deadline_exceeded', '']);

export interface Call {
  title: string | undefined;
  phase: string;
  /** From the first sending, in ms. */
  durationMs: number;
  tries: number;
  result: ExecutionResult | undefined;
  /** How it failed for good. */
  error: string | undefined;
}

export interface LoadTarget {
  gatewayUrl: string;
  agentKey: string;
  user: string;
}

/** Calls at a steady rate, whatever becomes of them; every second one writes a note with a title of its own. */
export class Load {
  readonly calls: Call[] = [];
  phase = 'start';
  readonly #pending = new Set<Promise<void>>();
  readonly #agent: JsonClient;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(
    private readonly target: LoadTarget,
    private readonly ratePerSecond: number,
    private readonly marker: string,
  ) {
    this.#agent = new JsonClient(target.gatewayUrl, target.agentKey);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when the last call has been answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await Promise.all(this.#pending);
  }

  async #run(): Promise<void> {
    const began = performance.now();
    for (let sent = 0; !this.#stopped; await delay(TICK_MS)) {
      const due = ((performance.now() - began) / 1000) * this.ratePerSecond;
      for (; sent < due; sent++) this.#send(sent);
    }
  }

  #send(number: number): void {
    const title = number % 2 === 0 ? `${this.marker}-${number}` : undefined;
    const work = this.#call(title).finally(() => this.#pending.delete(work));
    this.#pending.add(work);
  }

  async #call(title: string | undefined): Promise<void> {
    const { phase } = this;
    const began = performance.now();
    const [tool, args] = title === undefined ? ['sandbox_list_notes', { limit: 1 }] : ['sandbox_create_note', { title }];
    const idempotencyKey = title === undefined ? {} : { idempotencyKey: title };
    const body = { ...{ user: this.target.user, arguments: args, timeoutMs: CALL_TIMEOUT_MS }, ...idempotencyKey };
    const record = (tries: number, result: ExecutionResult | undefined, error: string | undefined): void =>
      void this.calls.push({ ...{ title, phase, tries, result, error }, durationMs: performance.now() - began });
    for (let tries = 1; ; tries++) {
      try {
        const answer = await this.#agent.post<ExecutionResult>(`/v1/tools/${tool}/execute`, body);
        if (answer.state === 'succeeded') return record(tries, answer, undefined);
        if (!PASSING.has(answer.error?.code ?? 'none') || tries === MAX_TRIES) return record(tries, answer, answer.state);
      } catch (thrown) {
        const code = thrown instanceof ApiError ? thrown.code : '';
        if (!PASSING.has(code) || tries === MAX_TRIES) return record(tries, undefined, code === '' ? String(thrown) : code);
      }
      await delay(RETRY_MS);
    }
  }
}
