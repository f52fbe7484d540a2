import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { chance } from './chance.js';
import { spoil } from './disorders.js';
import type { Order } from './order.js';
import type { SpoilableResponse } from './spoilable-response.js';

const MOST_ORDERS = 100;

/** An order, and what came of it. */
export interface OrderReport {
  id: string;
  order: Order;
  /** Requests that it was about, while it was in force; and those of them that it spoilt. */
  seen: number;
  spoilt: number;
  isOver: boolean;
}

interface Entry extends OrderReport {
  /** By `performance.now()`. */
  until: number;
}

/** What is ordered to go wrong. Of several orders that a request falls under, the one given first that spoils it is the one that does. */
export class Chaos {
  #entries: Entry[] = [];

  /** @returns undefined where there are too many already */
  order(order: Order): OrderReport | undefined {
    if (this.#entries.length >= MOST_ORDERS) return undefined;
    const until = order.forMs === undefined ? Infinity : performance.now() + order.forMs;
    const entry: Entry = { id: `chaos_${randomUUID()}`, order, seen: 0, spoilt: 0, isOver: false, until };
    this.#entries.push(entry);
    return reportOf(entry);
  }

  reports(): OrderReport[] {
    for (const entry of this.#entries) expire(entry);
    return this.#entries.map(reportOf);
  }

  /** @returns the report of the order as it ended; undefined where there is none of that id */
  withdraw(id: string): OrderReport | undefined {
    const entry = this.#entries.find((one) => one.id === id);
    if (entry === undefined) return undefined;
    this.#entries = this.#entries.filter((one) => one !== entry);
    return reportOf({ ...entry, isOver: true });
  }

  clear(): void {
    this.#entries = [];
  }

  /** Serves a request with `next`, unless, or until, it is to go wrong. */
  serve(request: IncomingMessage, response: SpoilableResponse, next: () => void): void {
    const order = this.#entries.length === 0 ? undefined : this.#orderFor(request);
    if (order === undefined || order.kind === 'watch') next();
    else spoil(order, request, response, next);
  }

  #orderFor(request: IncomingMessage): Order | undefined {
    const path = request.url?.split('?', 1)[0] ?? '/';
    let found: Entry | undefined;
    for (const entry of this.#entries) {
      expire(entry);
      if (entry.isOver || !isAbout(entry.order, request.method, path)) continue;
      entry.seen++;
      const { kind, seed, share } = entry.order;
      if (kind !== 'watch' && found === undefined && chance(seed, entry.seen) < share) found = entry;
    }
    if (found === undefined) return undefined;
    found.spoilt++;
    found.isOver = found.spoilt === found.order.count;
    return found.order;
  }
}

function isAbout(order: Order, method: string | undefined, path: string): boolean {
  return path.startsWith(order.path) && !path.startsWith('/sandbox') && (order.method === undefined || order.method === method);
}

function expire(entry: Entry): void {
  if (performance.now() >= entry.until) entry.isOver = true;
}

function reportOf({ id, order, seen, spoilt, isOver }: Entry): OrderReport {
  return { id, order, seen, spoilt, isOver };
}
