/** Plain JSON, bound as `$name` while an expression is evaluated. */
export type Bindings = Readonly<Record<string, unknown>>;

/** A JSONata expression, compiled once. */
export interface Expression {
  /**
   * @param contexts each is evaluated by itself, and all with the same bindings; plain JSON
   * @returns plain JSON, undefined where the expression gives nothing
   * @throws ExpressionError
   */
  evaluate(contexts: readonly unknown[], bindings: Bindings): Promise<unknown[]>;
}

/** Something that compiles a text which check-expression.ts has found to be an expression. */
export type Evaluator = (text: string) => Expression;

/** Why an expression gave no result: what it worked on does not fit it, or it would take too long or too much. Holds no value it worked on. */
export class ExpressionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ExpressionError';
  }
}

/** @throws ExpressionError */
export async function valueOf(expression: Expression, context: unknown, bindings: Bindings): Promise<unknown> {
  const [value] = await expression.evaluate([context], bindings);
  return value;
}

/** What counts as true of a condition, as JSONata's own `$boolean` has it: nothing that is empty. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isTrue);
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
