import { KeywardError } from '@keyward/contracts';
import { checkExpression } from '../expression/check-expression.js';
import { ExpressionError, type Evaluator, type Expression } from '../expression/expression.js';
import type { Fail } from '../tool/compile-tool.js';

type Schema = Readonly<Record<string, unknown>>;

interface Surroundings {
  /** What the expression works on. */
  context: 'arguments' | 'answer';
  /** Ids of the steps before. */
  steps: ReadonlySet<string>;
  /** Those that are bound. */
  variables: readonly string[];
  /** Members of the context that are no arguments. */
  besides?: readonly string[];
}

/** What is known of a tool's arguments while it is compiled, and which of them it uses. */
export class Declared {
  readonly names: ReadonlySet<string>;
  /** Whether arguments that are not declared may come. */
  readonly open: boolean;
  readonly #required: ReadonlySet<unknown>;
  readonly #used = new Set<string>();

  constructor(
    input: Schema,
    private readonly evaluator: Evaluator,
  ) {
    const { properties, required, additionalProperties } = input;
    this.names = new Set(typeof properties === 'object' && properties !== null ? Object.keys(properties) : []);
    this.open = additionalProperties !== false;
    this.#required = new Set(Array.isArray(required) ? required : []);
  }

  isRequired(name: string): boolean {
    return this.#required.has(name);
  }

  use(name: string, fail: Fail): void {
    if (!this.open && !this.names.has(name)) fail([], `there is no argument "${name}"`);
    this.#used.add(name);
  }

  useAll(): void {
    for (const name of this.names) this.#used.add(name);
  }

  unused(): string[] {
    return [...this.names].filter((name) => !this.#used.has(name));
  }

  expression(text: string, { context, steps, variables, besides = [] }: Surroundings, fail: Fail): Expression {
    const reads = checkExpression(text, new Set(variables));
    if ('problem' in reads) return fail([], reads.problem);
    const onArguments = context === 'arguments';
    const names = onArguments ? [...reads.names].filter((name) => !besides.includes(name)) : [];
    for (const name of [...names, ...(reads.members.get('args') ?? [])]) this.use(name, fail);
    if (reads.wholes.has('args') || (onArguments && reads.wholes.has(''))) this.useAll();
    for (const step of reads.members.get('steps') ?? [])
      if (!steps.has(step)) fail([], `there is no step "${step}" before this one`);
    return this.evaluator(text);
  }
}

/** The variables of an expression that makes a part of a request. */
export const REQUEST_VARIABLES = ['args', 'steps', 'key', 'uuid', 'connection'] as const;
/** Those of one that reads an answer. */
export const ANSWER_VARIABLES = ['args', 'steps', 'status', 'headers', 'connection'] as const;

/** An expression over arguments that gives nothing has been given something it can't work on. */
export function unfitArguments(cause: unknown): never {
  if (!(cause instanceof ExpressionError)) throw cause;
  throw new KeywardError('invalid_arguments', `The arguments do not fit this tool: an expression of it ${cause.message}.`, {
    cause,
  });
}
