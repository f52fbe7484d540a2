import { randomUUID } from 'node:crypto';
import type { Knowledge, Known } from '@keyward/vendor-emulation';
import jsonata from 'jsonata';
import type { Rule, Rules } from './rules.js';

/** Of each collection; the oldest go first. */
const MOST_THINGS = 1_000;
const TIMEOUT_MS = 1_000;

type Bindings = Record<string, unknown>;
type Evaluate = (bindings: Bindings) => Promise<unknown>;

interface CompiledRule extends Pick<Rule, 'scopes' | 'put' | 'remove'> {
  one: Evaluate | undefined;
  item: Evaluate | undefined;
  answer: Evaluate;
}

/**
 * What a vendor has been told, in memory. Its rules are JSONata over what a request gave (`$path`, `$query`, `$body`, or the arguments of a
 * GraphQL field), the collections by their names, `$one`, `$item`, `$serial`, `$uuid`, `$now`, and `$page(things, size, cursor)`.
 */
export class Memory {
  private readonly collections: ReadonlyMap<string, Map<string, unknown>>;
  private readonly rules: ReadonlyMap<string, CompiledRule>;
  private serial = 0;

  constructor(private readonly declared: Rules) {
    this.collections = new Map(Object.keys(declared.collections).map((name) => [name, new Map<string, unknown>()]));
    this.rules = new Map(Object.entries(declared.operations).map(([operation, rule]) => [operation, compiled(rule)]));
  }

  /** As a caller with these scopes may use it. */
  openTo(scopes: ReadonlySet<string>): Knowledge {
    return { of: (operation, given) => this.tell(this.rules.get(operation), scopes, given) };
  }

  private async tell(rule: CompiledRule | undefined, scopes: ReadonlySet<string>, given: Bindings): Promise<Known> {
    if (rule === undefined) return undefined;
    if (rule.scopes?.some((scope) => scopes.has(scope)) === false) return { refused: 'forbidden' };
    const bindings: Bindings = { ...this.bindings(), ...given };
    if (rule.one !== undefined) {
      bindings['one'] = await rule.one(bindings);
      if (bindings['one'] === undefined) return { refused: 'missing' };
    }
    if (rule.item !== undefined) {
      this.serial += 1;
      bindings['serial'] = this.serial;
      bindings['item'] = await rule.item(bindings);
      this.put(rule.put ?? '', bindings['item']);
    }
    if (rule.remove !== undefined) this.collections.get(rule.remove)?.delete(this.keyOf(rule.remove, bindings['one']));
    return { found: await rule.answer(bindings) };
  }

  private bindings(): Bindings {
    const things = [...this.collections].map(([name, known]) => [name, [...known.values()].reverse()] as const);
    return { ...Object.fromEntries(things), uuid: randomUUID(), now: new Date().toISOString() };
  }

  private put(collection: string, thing: unknown): void {
    const things = this.collections.get(collection);
    if (things === undefined) throw new Error(`there is no collection ${collection}`);
    things.set(this.keyOf(collection, thing), thing);
    const [oldest] = things.keys();
    if (things.size > MOST_THINGS && oldest !== undefined) things.delete(oldest);
  }

  private keyOf(collection: string, thing: unknown): string {
    return String((thing as Bindings)[this.declared.collections[collection] ?? '']);
  }
}

function compiled({ one, item, answer, ...rest }: Rule): CompiledRule {
  const optional = (text: string | undefined) => (text === undefined ? undefined : compile(text));
  return { ...rest, one: optional(one), item: optional(item), answer: compile(answer) };
}

function compile(text: string): Evaluate {
  const expression = jsonata(text, { timeout: TIMEOUT_MS });
  expression.registerFunction('page', page);
  return async (bindings) => {
    const value: unknown = await expression.evaluate(undefined, { ...bindings }).catch((error: { message: string }) => {
      // What JSONata throws is no Error, and would be answered with all that it holds.
      throw new Error(`the rule "${text.slice(0, 60)}" fails: ${error.message}`);
    });
    // JSONata's lists carry members of its own.
    return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
  };
}

/** @param size a number, or a text of one @param cursor what an earlier page gave as `next` */
function page(things: unknown, size: unknown, cursor: unknown): { items: unknown[]; next: string | null } {
  const all: unknown[] = things === undefined ? [] : [things].flat();
  const from = Number(cursor ?? 0) || 0;
  const end = from + (Number(size ?? 50) || 50);
  return { items: all.slice(from, end), next: end < all.length ? String(end) : null };
}
