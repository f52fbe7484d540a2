import { Calendar } from './calendar.js';
import { BACKOFF, type Scenario } from './model.js';
import type { Random } from './random.js';

/** Finer than the lateness that is reported. */
const SLOT_MS = 250;

/** All tokens: whose they are, when they end, when they are due. */
export class Fleet {
  readonly expiresAt: Float64Array;
  readonly dueAt: Float64Array;
  readonly providerOf: Uint8Array;
  readonly calendar: Calendar;
  readonly #failures: Uint8Array;

  constructor(
    private readonly scenario: Scenario,
    private readonly random: Random,
  ) {
    const { tokens, providers, untilMs } = scenario;
    this.expiresAt = new Float64Array(tokens);
    this.dueAt = new Float64Array(tokens);
    this.providerOf = new Uint8Array(tokens);
    this.#failures = new Uint8Array(tokens);
    this.calendar = new Calendar(tokens, providers, SLOT_MS, untilMs);
    const shares = sharesOf(scenario);
    for (let token = 0; token < tokens; token++) {
      this.providerOf[token] = shares.findIndex((upTo) => token < upTo);
      this.#begin(token);
    }
  }

  /** A new token, obtained when its request was made. */
  obtained(token: number, at: number): void {
    this.#failures[token] = 0;
    this.expiresAt[token] = at + this.scenario.lifetimeMs;
    this.#put(token, at + this.#rest());
  }

  failed(token: number, now: number): void {
    const failures = this.#failures[token] as number;
    this.#failures[token] = Math.min(255, failures + 1);
    const ceiling = Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** Math.min(failures, 30));
    this.#put(token, now + ceiling * (0.5 + this.random.next() / 2));
  }

  /** It was never sent: due again in a moment. */
  postponed(token: number, retryAt: number): void {
    this.#put(token, retryAt + 500 + 500 * this.random.next());
  }

  #begin(token: number): void {
    const { storm, obtained, lifetimeMs, tokens } = this.scenario;
    if (storm !== undefined) {
      this.expiresAt[token] = storm.firstEndsMs + ((token * 7919) % tokens) * (storm.spreadMs / tokens);
      this.#put(token, (this.expiresAt[token] as number) - storm.marginMs);
      return;
    }
    const at = -this.random.next();
    if (obtained !== 'spread') return this.obtained(token, at * obtained.withinMs);
    // As far on its way to being due as chance has it, as if this had gone on for ever.
    const rest = this.#rest();
    this.expiresAt[token] = at * rest + lifetimeMs;
    this.#put(token, at * rest + rest);
  }

  /** From when a token is obtained until it is due: libs/oauth, `tokenTimes`. */
  #rest(): number {
    const { lifetimeMs, margin, jitter } = this.scenario;
    const marginMs = lifetimeMs * margin;
    return lifetimeMs - marginMs - jitter * Math.min(marginMs, lifetimeMs - marginMs) * this.random.next();
  }

  #put(token: number, at: number): void {
    this.dueAt[token] = at;
    this.calendar.put(token, this.providerOf[token] as number, at);
  }
}

/** Of each provider, the number of the token after its last one. */
function sharesOf({ tokens, providers, sizes }: Scenario): number[] {
  const weights = Array.from({ length: providers }, (_, index) => (sizes === 'zipf' ? 1 / (index + 1) : 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.map((weight, index) => (index === providers - 1 ? tokens : Math.round((tokens * (sum += weight)) / total)));
}
