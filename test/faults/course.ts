import { setTimeout as delay } from 'node:timers/promises';
import type { RefreshReply } from '@keyward/contracts';
import type { Disconnections } from './disconnections.js';
import type { FaultConnection, FaultWorld } from './fault-world.js';
import { readHeld } from './held.js';
import type { Befallen } from './invariants.js';
import type { Act } from './schedule.js';
import type { Site } from './site.js';

/** More than the asker's own clock may be late on a busy machine. */
const LATE_MS = 1500;
/** A process that ends after this step and before the next ones may have sent a token and stored no answer. */
const IN_DOUBT: readonly (string | undefined)[] = ['opened', 'begun', 'answered', 'sealed'];

type Of<K extends Act['do']> = Extract<Act, { do: K }>;

/** One schedule while it runs: does what it says, and remembers what it has done to whom. */
export class Course implements Befallen {
  readonly violations: string[] = [];
  readonly #authorized = new Map<string, Set<number>>();
  readonly #doubts = new Set<string>();
  readonly #underWay: Promise<unknown>[] = [];
  /** Disconnected, once and for all. */
  readonly #disconnected = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly faultWorld: FaultWorld,
    private readonly sites: readonly Site[],
    private readonly connections: readonly FaultConnection[],
    private readonly disconnections: Disconnections,
  ) {
    for (const { connection } of connections) this.#authorized.set(connection, new Set([1]));
  }

  inDoubt(connection: string): boolean {
    return this.#doubts.has(connection);
  }

  unanswered(refreshToken: string): boolean {
    return this.sites.some((site) => site.unanswered.has(refreshToken));
  }

  authorized(connection: string): ReadonlySet<number> {
    return this.#authorized.get(connection) ?? new Set();
  }

  /** Resolves when every act has been done, and what takes longer has ended: stops, outages, askers. */
  async run(acts: readonly Act[]): Promise<void> {
    const startedAt = performance.now();
    for (const act of acts) {
      await delay(Math.max(0, act.atMs - (performance.now() - startedAt)));
      this.#underWay.push(this.#do(act));
    }
    for (let waited = 0; waited < this.#underWay.length;) {
      const more = this.#underWay.slice(waited);
      waited = this.#underWay.length;
      await Promise.all(more);
    }
  }

  async #do(act: Act): Promise<void> {
    switch (act.do) {
      case 'due':
        return this.#due(act);
      case 'ask':
        return void (await Promise.all(Array.from({ length: act.askers }, () => this.#ask(act))));
      case 'kill':
        this.#doubt(this.#site(act));
        return this.#site(act).replica.kill();
      case 'kill at step':
        return this.#atStep(act, { do: 'kill' });
      case 'stop':
        return this.#stop(this.#site(act), act.forMs);
      case 'stop at step':
        return this.#atStep(act, { do: 'stop' });
      case 'clock':
        return this.#site(act).replica.shiftClock(act.shiftMs);
      case 'clock at step':
        return void this.#site(act).replica.trap({ step: act.step, blow: { do: 'clock', shiftMs: act.shiftMs } });
      case 'cut statement':
        return this.#cutStatement(act);
      case 'cut token request':
        return void this.#site(act).arm(act.behaviour, {
          contains: 'POST /token ',
          fault:
            act.at === 'answer'
              ? { at: 'answer', then: act.then }
              : { at: 'request', then: act.then === 'hang' ? 'hang' : 'close' },
        });
      case 'cut publication':
        return void this.#site(act).arm('nats', {
          contains: 'PUB connection.',
          times: act.times,
          fault: { at: act.at, then: 'close' },
        });
      case 'cut off':
        return this.#cutOff(act);
      case 'provider fault':
        return void (await this.faultWorld.world.sandbox.fault(act.fault));
      case 'lenient fault':
        return void this.faultWorld.lenient.refusals.push(...act.statuses);
      case 'restart postgres':
        return this.#restartPostgres(act);
      case 'authorize':
        return this.#authorize(act);
      case 'disconnect':
        return this.#disconnect(act);
    }
  }

  async #due({ connection }: Of<'due'>): Promise<void> {
    const id = this.connections[connection]?.connection;
    const text = `UPDATE vault.credential SET refresh_at = clock_timestamp() WHERE connection_id = $1 AND refresh_at IS NOT NULL`;
    // The database may be away just now: then nothing is due.
    await this.faultWorld.world.admin.query(text, [id]).catch(() => undefined);
  }

  /** Whoever asks gets an answer in time, and a token that works where it says so. */
  async #ask({ connection: at, waitMs }: Of<'ask'>): Promise<void> {
    const connection = this.#connection({ connection: at });
    const held = await readHeld(this.faultWorld, connection).catch(() => undefined);
    if (held === undefined) return;
    const askedAt = performance.now();
    const reply = await this.faultWorld
      .ask(connection, { newerThan: held.generation, waitMs })
      .catch((error: unknown): RefreshReply | undefined => void error);
    const tookMs = Math.round(performance.now() - askedAt);
    if (tookMs > waitMs + LATE_MS) this.violations.push(`an asker that waits ${waitMs} ms was answered after ${tookMs} ms`);
    if (reply?.outcome === 'refreshed') await this.#check(connection, reply.generation);
  }

  async #check(connection: FaultConnection, generation: number): Promise<void> {
    const held = await readHeld(this.faultWorld, connection).catch(() => undefined);
    if (held === undefined || held.status !== 'active') return;
    if (held.generation < generation)
      this.violations.push(`${connection.connection}: told of generation ${generation}, and ${held.generation} is stored`);
    if (held.accessExpired === true) this.violations.push(`${connection.connection}: an asker was sent to an expired token`);
    if (await this.faultWorld.takesAccessToken(connection, held.accessToken)) return;
    // Unless it was overtaken in between.
    const now = await readHeld(this.faultWorld, connection).catch(() => undefined);
    if (now === undefined || now.status !== 'active' || now.generation !== held.generation) return;
    this.violations.push(`${connection.connection}: an asker was sent to a token that does not work`);
  }

  /** It may never come to that step; then nothing happens. */
  #atStep(act: Of<'kill at step'> | Of<'stop at step'>, blow: { do: 'kill' } | { do: 'stop' }): void {
    const site = this.#site(act);
    const { replica } = site;
    const { fired } = replica.trap({ step: act.step, nth: act.do === 'kill at step' ? act.nth : 1, blow });
    void fired.then(() => {
      this.#doubt(site);
      this.#underWay.push(act.do === 'stop at step' ? this.#wake(site, act.forMs) : replica.gone());
    });
  }

  async #stop(site: Site, forMs: number): Promise<void> {
    this.#doubt(site);
    site.replica.halt();
    await this.#wake(site, forMs);
  }

  async #wake(site: Site, forMs: number): Promise<void> {
    const { replica } = site;
    await delay(forMs);
    this.#doubt(site);
    replica.goOn();
  }

  #cutStatement(act: Of<'cut statement'>): void {
    const site = this.#site(act);
    const { fired } = site.arm('postgres', {
      contains: `vault.${act.statement}`,
      times: act.times,
      fault: { at: act.at, then: act.then },
    });
    void fired.then(() => this.#doubt(site));
  }

  async #cutOff(act: Of<'cut off'>): Promise<void> {
    const site = this.#site(act);
    const proxy = site.dependency(act.from);
    this.#doubt(site);
    proxy.refuse();
    await delay(act.forMs);
    this.#doubt(site);
    proxy.heal();
  }

  #restartPostgres({ forMs }: Of<'restart postgres'>): Promise<void> {
    return this.#inTurn(async () => {
      for (const site of this.sites) this.#doubt(site);
      await this.faultWorld.database.kill();
      await delay(forMs);
      await this.faultWorld.database.restart();
      for (const site of this.sites) this.#doubt(site);
    });
  }

  #authorize(act: Of<'authorize'>): Promise<void> {
    const connection = this.#connection(act);
    return this.#inTurn(async () => {
      if (this.#disconnected.has(connection.connection)) return;
      await this.faultWorld.authorize(connection);
      this.#authorized.get(connection.connection)?.add(connection.authorizedAt);
    });
  }

  #disconnect(act: Of<'disconnect'>): Promise<void> {
    const connection = this.#connection(act);
    return this.#inTurn(async () => {
      this.#disconnected.add(connection.connection);
      await this.disconnections.disconnect(connection);
    });
  }

  /** One after the other: the database is not restarted under what this test itself could not tell the outcome of. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done;
    return done;
  }

  #doubt(site: Site): void {
    for (const { connection } of this.connections) {
      if (IN_DOUBT.includes(site.replica.lastStep(connection))) this.#doubts.add(connection);
    }
  }

  #site({ site }: { site: number }): Site {
    return this.sites[site] as Site;
  }

  #connection({ connection }: { connection: number }): FaultConnection {
    return this.connections[connection] as FaultConnection;
  }
}
