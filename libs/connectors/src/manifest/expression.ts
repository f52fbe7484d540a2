import { z } from 'zod';

/** JSONata 2; compiled when the connector is loaded, see expression/compile-expression.ts. */
export const expressionSchema = z.string().min(1).max(10_000).describe('JSONata');

/**
 * A value of a request. `$.name` (or `$.a.b`) stands for that argument, `$` for all of them, `$steps.<id>.a.b` for the answer of an
 * earlier step, `$key` for the idempotency key of the execution, `$uuid` for a UUID derived from it; `$$…` is a text that begins with
 * `$`; `{$expr: …}` is a JSONata expression over the arguments; everything else is meant literally. What gives nothing is left out.
 */
export const mappingSchema: z.ZodType<unknown> = z
  .json()
  .describe('Literal, `$.argument`, `$steps.<id>.member`, `$key`, `$uuid` or `{$expr: <JSONata>}`');

export const mappingsSchema = z.record(z.string().min(1).max(128), mappingSchema).default({});
