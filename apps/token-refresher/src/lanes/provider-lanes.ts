import { createHash } from 'node:crypto';
import { authorizationServerOrigins, type ProviderManifest } from '@keyward/connectors';
import type { RefreshPaused } from '@keyward/contracts';
import { OAuthError } from '@keyward/oauth';
import type { CredentialStore, ProviderRoom } from '@keyward/postgres-vault';
import type { BreakerState, Verdict } from '@keyward/limits';
import { Lane, type Priority } from './lane.js';

export interface ProviderLanesOptions {
  store: Pick<CredentialStore, 'takeTurns'>;
  /** Tells the other replicas that an authorization server asked for a pause. */
  onPause: (pause: RefreshPaused) => void;
}

/** Servers that users host themselves have a lane each; those that are idle longest make way. */
const MAX_LANES = 2_000;
const MAX_PAUSE_MS = 3_600_000;
const MAX_KEY = 200;
/** Of a pause at most, so that replicas do not all come back in the same moment. */
const JITTER_MS = 1_000;

/** Each authorization server's own queue: one that hangs, fails or is slow takes nothing from the others. */
export class ProviderLanes {
  readonly #lanes = new Map<string, Lane>();

  constructor(private readonly options: ProviderLanesOptions) {}

  /**
   * @param provider resolved
   * @throws LaneClosed, LeaseTooShort without running the task; whatever the task throws
   */
  async run<T>(provider: ProviderManifest, turn: { priority: Priority; until: number }, task: () => Promise<T>): Promise<T> {
    const { concurrency, requests_per_minute: perMinute } = provider.refresh;
    const key = keyOf(provider);
    try {
      return await this.#lane(key).run({ concurrency, perMinute }, turn, task, verdictOf);
    } catch (error) {
      const pauseMs = error instanceof OAuthError && error.failure === 'transient' ? (error.retryAfterMs ?? 0) : 0;
      if (pauseMs >= 1) {
        this.pause({ lane: key, pauseMs: Math.floor(pauseMs) });
        this.options.onPause({ lane: key, pauseMs: Math.floor(pauseMs) });
      }
      throw error;
    }
  }

  pause({ lane, pauseMs }: RefreshPaused): void {
    const ms = Math.min(pauseMs, MAX_PAUSE_MS);
    this.#lane(lane).pause(ms + Math.random() * Math.min(JITTER_MS, ms / 10));
  }

  /** How much more of each provider this replica can take: of several servers of one provider, as the one says that can take most. */
  rooms(): ProviderRoom[] {
    const rooms = this.#perProvider((lane) => lane.room);
    return Array.from(rooms, ([provider, room]) => ({ provider, room: Math.max(...room) }));
  }

  /** The worst among the servers of each provider. */
  breakers(): Map<string, BreakerState> {
    const states = this.#perProvider((lane) => lane.state);
    return new Map(Array.from(states, ([provider, all]) => [provider, Math.max(...all) as BreakerState]));
  }

  waiting(): Map<string, number> {
    const waiting = this.#perProvider((lane) => lane.waiting);
    return new Map(Array.from(waiting, ([provider, all]) => [provider, all.reduce((sum, one) => sum + one, 0)]));
  }

  #perProvider<T>(of: (lane: Lane) => T): Map<string, T[]> {
    const found = new Map<string, T[]>();
    for (const lane of this.#lanes.values()) {
      const others = found.get(lane.provider);
      if (others === undefined) found.set(lane.provider, [of(lane)]);
      else others.push(of(lane));
    }
    return found;
  }

  #lane(key: string): Lane {
    const known = this.#lanes.get(key);
    const lane =
      known ??
      new Lane(key.split(' ', 1)[0] as string, (perMinute, wanted) =>
        this.options.store.takeTurns({ lane: key, perMinute, wanted }),
      );
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    if (known === undefined && this.#lanes.size > MAX_LANES) this.#forgetOne();
    return lane;
  }

  #forgetOne(): void {
    for (const [key, lane] of this.#lanes) {
      if (!lane.idle) continue;
      this.#lanes.delete(key);
      return;
    }
  }
}

/** The same on every replica. What the manifest says of its pace is part of it: a manifest that an organization posted slows nobody else's. */
function keyOf(provider: ProviderManifest): string {
  const known = keys.get(provider) ?? computeKey(provider);
  keys.set(provider, known);
  return known;
}

/** Resolved manifests are kept as long as they are used, by their catalog or by what resolves them. */
const keys = new WeakMap<ProviderManifest, string>();

function computeKey(provider: ProviderManifest): string {
  const { concurrency, requests_per_minute: perMinute } = provider.refresh;
  const key = [provider.name, ...authorizationServerOrigins(provider), concurrency, perMinute ?? 'unpaced'].join(' ');
  return key.length <= MAX_KEY ? key : `${provider.name} ${createHash('sha256').update(key).digest('base64url')}`;
}

/** A refusal is an answer; only a server that gives none, or asks for a pause, is spared. */
function verdictOf(error: unknown): Verdict {
  if (!(error instanceof OAuthError)) return 'unused';
  return error.failure === 'transient' ? 'outage' : 'answered';
}
