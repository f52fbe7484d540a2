/** On whose behalf something waits. */
export interface Who {
  readonly org: string;
  readonly agent: string;
}

/**
 * Who comes next: the organizations in turn, inside one its agents in turn, of one agent in order of arrival. However many one of them has
 * waiting, another's first waits for one of each at most.
 */
export class FairLine<T> {
  /** Organization → agent → what waits; the next of each stands first. */
  readonly #orgs = new Map<string, Map<string, Set<T>>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push({ org, agent }: Who, item: T): void {
    const agents = at(this.#orgs, org, () => new Map<string, Set<T>>());
    at(agents, agent, () => new Set<T>()).add(item);
    this.#length++;
  }

  /** The next one; it stays. */
  peek(): T | undefined {
    return first(first(first(this.#orgs.values())?.values())?.values());
  }

  /** Takes the next one out. */
  shift(): T | undefined {
    const org = first(this.#orgs.keys());
    const agents = org === undefined ? undefined : this.#orgs.get(org);
    const agent = first(agents?.keys());
    if (org === undefined || agents === undefined || agent === undefined) return undefined;
    const item = first(agents.get(agent)?.values());
    if (item === undefined) return undefined;
    this.remove({ org, agent }, item);
    toTheEnd(agents, agent);
    toTheEnd(this.#orgs, org);
    return item;
  }

  /** Does nothing where it is not there any more. */
  remove({ org, agent }: Who, item: T): void {
    const agents = this.#orgs.get(org);
    const items = agents?.get(agent);
    if (agents === undefined || items?.delete(item) !== true) return;
    this.#length--;
    if (items.size === 0) agents.delete(agent);
    if (agents.size === 0) this.#orgs.delete(org);
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const agents of this.#orgs.values()) for (const items of agents.values()) yield* items;
  }
}

function first<T>(values: Iterable<T> | undefined): T | undefined {
  if (values === undefined) return undefined;
  for (const value of values) return value;
  return undefined;
}

function at<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function toTheEnd<K, V>(map: Map<K, V>, key: K): void {
  const value = map.get(key);
  if (value === undefined) return;
  map.delete(key);
  map.set(key, value);
}
