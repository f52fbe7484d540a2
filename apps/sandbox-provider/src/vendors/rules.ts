import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const expression = z.string().min(1).max(5_000);
const ruleSchema = z.strictObject({
  /** Any of these suffices; left out, any scope of the vendor's does. */
  scopes: z.array(z.string()).min(1).optional(),
  /** The thing it is about; where there is none, the answer says so. */
  one: expression.optional(),
  /** The thing as it is from now on, and in which collection. */
  put: z.string().optional(),
  item: expression.optional(),
  /** From which collection the thing goes. */
  remove: z.string().optional(),
  /** Laid over what the vendor would make up. */
  answer: expression,
});
const rulesSchema = z.strictObject({
  /** Collection → the member that tells its things apart. */
  collections: z.record(z.string(), z.string()),
  operations: z.record(z.string(), ruleSchema),
});

export type Rule = z.infer<typeof ruleSchema>;
export type Rules = z.infer<typeof rulesSchema>;

/** `emulation.yaml` of a connector: what its vendor remembers. Where there is none, nothing. */
export function readRules(folder: string): Rules {
  const file = join(folder, 'emulation.yaml');
  if (!existsSync(file)) return { collections: {}, operations: {} };
  const parsed = rulesSchema.safeParse(parse(readFileSync(file, 'utf8'), { maxAliasCount: 1000 }));
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
