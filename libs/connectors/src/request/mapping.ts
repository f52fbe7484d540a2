import { requestBindings } from '../answer/bindings.js';
import { valueOf, type Expression } from '../expression/expression.js';
import { uuidFrom } from '../expression/uuid-from.js';
import type { Fail } from '../tool/compile-tool.js';
import type { Scope } from '../tool/tool.js';
import { REQUEST_VARIABLES, unfitArguments, type Declared } from './declared.js';

/** What one rendering is made of: expressions have been evaluated by then. */
export interface Inputs {
  readonly scope: Scope;
  readonly values: readonly unknown[];
}

/** Gives a value of the request; undefined where the caller gave none: the member is then left out. */
export type Mapped = (inputs: Inputs) => unknown;

/** Compiles the values of one request, see manifest/expression.ts for what a mapping says. */
export class MappingCompiler {
  readonly #expressions: Expression[] = [];

  constructor(
    readonly declared: Declared,
    /** Ids of the steps before. */
    private readonly steps: ReadonlySet<string>,
    /** What expressions see beside the arguments, such as `output`. */
    private readonly besides: readonly string[] = [],
    /** Whether there is an item, see RequestContext. */
    private readonly hasItem = false,
  ) {}

  /** Evaluates what is an expression; where nothing is, nothing is done. */
  async inputs(scope: Scope, besides: Readonly<Record<string, unknown>> = {}): Promise<Inputs> {
    if (this.#expressions.length === 0) return { scope, values: [] };
    const bindings = { ...requestBindings(scope), ...besides };
    const context = { ...scope.args, ...besides };
    const values = await Promise.all(this.#expressions.map((expression) => valueOf(expression, context, bindings))).catch(
      unfitArguments,
    );
    return { scope, values };
  }

  compile(value: unknown, fail: Fail): Mapped {
    if (typeof value === 'string') return this.#compileText(value, fail);
    if (Array.isArray(value)) {
      const items = value.map((item, index) => this.compile(item, inside(index, fail)));
      return (inputs) => items.map((item) => item(inputs)).filter((item) => item !== undefined);
    }
    if (typeof value !== 'object' || value === null) return () => value;
    return isExpression(value) ? this.#compileExpression(value.$expr, inside('$expr', fail)) : this.#compileObject(value, fail);
  }

  /** @returns name → value, in order */
  compileMembers(members: Readonly<Record<string, unknown>>, fail: Fail): [string, Mapped][] {
    return Object.entries(members).map(([name, value]) => [name, this.compile(value, inside(name, fail))]);
  }

  #compileObject(value: object, fail: Fail): Mapped {
    const members = this.compileMembers(value as Record<string, unknown>, fail);
    return (inputs) => {
      const result: Record<string, unknown> = {};
      for (const [key, member] of members) {
        const mapped = member(inputs);
        if (mapped !== undefined) result[key] = mapped;
      }
      return result;
    };
  }

  #compileExpression(text: unknown, fail: Fail): Mapped {
    if (typeof text !== 'string') return fail([], 'must be a text: a JSONata expression');
    const variables = [...REQUEST_VARIABLES, ...(this.hasItem ? ['item'] : []), ...this.besides];
    const around = { context: 'arguments', steps: this.steps, variables, besides: this.besides } as const;
    const index = this.#expressions.push(this.declared.expression(text, around, fail)) - 1;
    return ({ values }) => values[index];
  }

  #compileText(text: string, fail: Fail): Mapped {
    if (!text.startsWith('$')) return () => text;
    if (text.startsWith('$$')) return () => text.slice(1);
    if (text === '$key') return ({ scope }) => scope.key;
    if (text === '$uuid') return ({ scope }) => uuidFrom(scope.key);
    if (text.startsWith('$steps.')) return this.#compileStep(text, fail);
    if (this.hasItem && /^\$item(?:\.[^.]+)*$/.test(text)) {
      const names = text.split('.').slice(1);
      return ({ scope }) => names.reduce<unknown>(own, scope.item);
    }
    if (text === '$') {
      this.declared.useAll();
      return ({ scope }) => scope.args;
    }
    const names = text.slice(2).split('.');
    const [first] = names;
    if (text[1] !== '.' || first === undefined || names.includes(''))
      return fail([], `"${text}" is none of $.argument, $steps.<id>.member, $key, $uuid and $$text`);
    this.declared.use(first, fail);
    return names.length === 1 ? ({ scope }) => own(scope.args, first) : ({ scope }) => names.reduce<unknown>(own, scope.args);
  }

  #compileStep(text: string, fail: Fail): Mapped {
    const names = text.split('.').slice(1);
    const [id = ''] = names;
    if (names.includes('')) return fail([], `"${text}" is not $steps.<id>.member`);
    if (!this.steps.has(id)) return fail([], `there is no step "${id}" before this one`);
    return ({ scope }) => names.reduce<unknown>(own, scope.steps);
  }
}

export function inside(place: PropertyKey, fail: Fail): Fail {
  return (path, detail) => fail([place, ...path], detail);
}

function isExpression(value: object): value is { $expr: unknown } {
  return Object.hasOwn(value, '$expr') && Object.keys(value).length === 1;
}

/** Only what the caller sent: never something inherited, such as `constructor`. */
function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
