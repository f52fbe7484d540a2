import { EventQueue } from './event-queue.js';
import { Fleet } from './fleet.js';
import { Lane, Pace } from './lane.js';
import { PROVIDER_WITH_TROUBLE, type Model, type Scenario } from './model.js';
import { Random } from './random.js';
import { Record, type Result } from './result.js';
import { Station } from './station.js';

const LOOK = 0;
const CLAIMED = 1;
const ENTER = 2;
const BEGIN = 3;
const SEND = 4;
const ANSWERED = 5;
const FAILED = 6;
const COMMIT = 7;
const STORED = 8;

interface Replica {
  loop: Station;
  lanes: Lane[];
  inHand: number;
  /** As in the refresher’s DueLoop: slots that have fallen free since the last look; undefined where that left nothing to take. */
  freed: number | undefined;
  /** A quarter of what was in hand at the last look. */
  batch: number;
  lookAt: number;
}

interface Job {
  token: number;
  replica: number;
  provider: number;
  sentAt: number;
}

/** Refreshers over one database, event by event. The same model, scenario and seed give the same result. */
export class Simulation {
  readonly #random: Random;
  readonly #fleet: Fleet;
  readonly #events = new EventQueue();
  readonly #database: Station;
  readonly #replicas: Replica[];
  readonly #jobs: Job[] = [];
  readonly #free: number[] = [];
  readonly #batches = new Map<number, number[]>();
  readonly #record: Record;
  /** Claims take turns. */
  #claimsFreeAt = 0;

  constructor(
    private readonly model: Model,
    private readonly scenario: Scenario,
  ) {
    this.#random = new Random(scenario.seed);
    this.#fleet = new Fleet(scenario, this.#random);
    const machine = model.together === null ? undefined : new Station(model.together, model.elsewhere);
    this.#database = machine ?? new Station(model.databaseCores);
    const pace = scenario.limitPerSecond === undefined ? undefined : new Pace(scenario.limitPerSecond);
    this.#replicas = Array.from({ length: model.replicas }, () => ({
      loop: machine ?? new Station(1),
      lanes: Array.from(
        { length: scenario.providers },
        (_, provider) => new Lane(model.concurrency, provider === PROVIDER_WITH_TROUBLE ? pace : undefined),
      ),
      inHand: 0,
      freed: undefined,
      batch: 1,
      lookAt: 0,
    }));
    this.#record = new Record(scenario);
  }

  run(): Result {
    for (const [index, replica] of this.#replicas.entries())
      this.#lookIn(index, replica, this.#random.next() * this.model.pollMs, 0);
    while (this.#events.nextAt < this.scenario.untilMs) {
      const { time, kind, job } = this.#events.pop();
      this.#happen(time, kind, job);
    }
    const loops = new Set(this.#replicas.map(({ loop }) => loop));
    const serving = [...loops].reduce((sum, { busyMs }) => sum + busyMs, 0) / loops.size;
    return this.#record.result(this.#fleet, serving, this.#database.busyMs / this.#database.servers);
  }

  #happen(now: number, kind: number, id: number): void {
    if (kind === LOOK) return this.#look(now, id);
    if (kind === CLAIMED) return this.#claimed(now, id);
    const job = this.#jobs[id] as Job;
    const replica = this.#replicas[job.replica] as Replica;
    switch (kind) {
      case ENTER:
        if (job.provider === PROVIDER_WITH_TROUBLE && this.scenario.limitPerSecond !== undefined) lane(replica, job).coming--;
        lane(replica, job).begin();
        return this.#events.push(replica.loop.serve(now, this.model.replicaMs.before), BEGIN, id);
      case BEGIN:
        return this.#events.push(this.#stored(now, this.model.databaseMs.begin), SEND, id);
      case SEND:
        return this.#send(now, id, job);
      case ANSWERED:
        return this.#answered(now, id, job, replica, true);
      case FAILED:
        return this.#answered(now, id, job, replica, false);
      case COMMIT:
        return this.#events.push(this.#stored(now, this.model.databaseMs.commit), STORED, id);
      default:
        return this.#done(now, id, job, replica);
    }
  }

  /** A write: the database's work, the way there and back, and the flush. */
  #stored(now: number, ms: number): number {
    return this.#database.serve(now, ms) + this.model.flushMs + this.model.roundTripMs;
  }

  #lookIn(index: number, replica: Replica, ms: number, now: number): void {
    replica.lookAt = now + ms;
    this.#events.push(replica.lookAt, LOOK, index);
  }

  #look(now: number, index: number): void {
    const replica = this.#replicas[index] as Replica;
    if (replica.lookAt !== now) return;
    replica.lookAt = -1;
    const { downtime } = this.scenario;
    if (downtime !== undefined && now >= downtime.fromMs && now < downtime.untilMs) {
      return this.#lookIn(index, replica, downtime.untilMs - now + this.#random.next() * this.model.pollMs, now);
    }
    const limit = this.model.slots - replica.inHand;
    if (limit === 0) {
      replica.freed = 0;
      replica.batch = Math.ceil(replica.inHand / 4);
      return this.#pause(now, index, replica);
    }
    const { claim, claimRow } = this.model.databaseMs;
    const { picked, more } = this.#pick(now, replica, limit);
    replica.inHand += picked.length;
    replica.freed = more ? 0 : undefined;
    replica.batch = Math.ceil(replica.inHand / 4);
    const ms = claim + picked.length * claimRow;
    this.#claimsFreeAt = Math.max(this.#database.serve(now, ms), this.#claimsFreeAt + ms);
    this.#batches.set(index, picked);
    this.#events.push(this.#claimsFreeAt + this.model.roundTripMs + this.model.flushMs, CLAIMED, index);
  }

  /** The first of each provider, then the second of each; in a round, those that are due first. */
  #pick(now: number, replica: Replica, limit: number): { picked: number[]; more: boolean } {
    const { calendar } = this.#fleet;
    const picked: number[] = [];
    let more = false;
    let round: { provider: number; due: number; room: number }[] = [];
    for (let provider = 0; provider < this.scenario.providers; provider++) {
      const due = calendar.nextDue(provider, now);
      const room = due === Infinity ? 0 : (replica.lanes[provider] as Lane).room(now);
      if (room > 0) round.push({ provider, due, room });
    }
    while (round.length > 0 && picked.length < limit) {
      round.sort((a, b) => a.due - b.due);
      for (const of of round) {
        if (picked.length === limit) break;
        picked.push(calendar.take(of.provider));
        of.room--;
        of.due = calendar.nextDue(of.provider, now);
        if (of.room === 0) more = true;
      }
      round = round.filter(({ due, room }) => due !== Infinity && room > 0);
    }
    return { picked, more: more || picked.length === limit };
  }

  #pause(now: number, index: number, replica: Replica): void {
    const wake = this.#hasRoomAgain(replica);
    this.#lookIn(index, replica, wake ? 0 : this.model.pollMs * (0.75 + this.#random.next() / 4), now);
  }

  #hasRoomAgain({ freed, batch, inHand }: Replica): boolean {
    return freed !== undefined && freed > 0 && (freed >= batch || inHand === 0);
  }

  #claimed(now: number, index: number): void {
    const replica = this.#replicas[index] as Replica;
    const picked = this.#batches.get(index) ?? [];
    for (const token of picked) {
      const id = this.#free.pop() ?? this.#jobs.length;
      const provider = this.#fleet.providerOf[token] as number;
      this.#jobs[id] = { token, replica: index, provider, sentAt: 0 };
      (replica.lanes[provider] as Lane).queue.push(id);
      this.#advance(now, replica, provider);
    }
    this.#pause(now, index, replica);
  }

  #advance(now: number, replica: Replica, provider: number): void {
    const queue = replica.lanes[provider] as Lane;
    while (queue.mayEnter(now)) {
      const id = queue.queue.shift() as number;
      if (queue.pace === undefined) this.#happen(now, ENTER, id);
      else {
        queue.coming++;
        this.#events.push(queue.pace.take(now), ENTER, id);
      }
    }
    if (!queue.isOpen(now)) return;
    // A lane that is closed sends away whoever waits.
    for (const id of queue.queue.splice(0)) {
      const job = this.#jobs[id] as Job;
      this.#fleet.postponed(job.token, now + 10_000);
      this.#release(now, id, job, replica);
    }
  }

  #send(now: number, id: number, job: Job): void {
    job.sentAt = now;
    const { outage } = this.scenario;
    const isOut = outage !== undefined && job.provider === PROVIDER_WITH_TROUBLE && now >= outage.fromMs && now < outage.untilMs;
    const { medianMs, p99Ms } = this.model.endpoint;
    const answerMs = isOut ? Infinity : this.#random.logNormal(medianMs, p99Ms);
    if (answerMs < this.model.timeoutMs) this.#events.push(now + answerMs, ANSWERED, id);
    else this.#events.push(now + this.model.timeoutMs, FAILED, id);
  }

  #answered(now: number, id: number, job: Job, replica: Replica, well: boolean): void {
    lane(replica, job).end(now, well);
    this.#advance(now, replica, job.provider);
    if (!well) job.sentAt = -1;
    this.#events.push(replica.loop.serve(now, this.model.replicaMs.after), COMMIT, id);
  }

  #done(now: number, id: number, job: Job, replica: Replica): void {
    // Its messages leave later and keep the same processes busy.
    replica.loop.serve(now, this.model.replicaMs.relay + this.model.othersMs);
    this.#database.serve(now, this.model.databaseMs.relay);
    if (job.sentAt < 0) {
      this.#record.failed();
      this.#fleet.failed(job.token, now);
    } else {
      const { token } = job;
      this.#record.stored(now, this.#fleet.dueAt[token] as number, this.#fleet.expiresAt[token] as number, job.provider);
      this.#fleet.obtained(token, job.sentAt);
    }
    this.#release(now, id, job, replica);
  }

  #release(now: number, id: number, job: Job, replica: Replica): void {
    this.#free.push(id);
    replica.inHand--;
    if (replica.freed !== undefined) replica.freed++;
    // Not while a claim is under way: it looks for itself afterwards.
    if (replica.lookAt > now && this.#hasRoomAgain(replica)) this.#lookIn(job.replica, replica, 0, now);
  }
}

function lane(replica: Replica, { provider }: Job): Lane {
  return replica.lanes[provider] as Lane;
}
