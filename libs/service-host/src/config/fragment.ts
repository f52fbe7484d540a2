import type { z } from 'zod';

/** Names a contradiction or a gap between values that are each valid. Say what to do, never what the value is. */
export type ReportProblem = (text: string) => void;

/** Some environment variables, and what they become: one typed part of a service's configuration. */
export interface ConfigFragment<T> {
  /** Environment name → schema. A schema's `.describe()` is what the message tells people to set. */
  readonly shape: Readonly<Record<string, z.ZodType>>;
  /** Called only once every value of the shape is valid. */
  build(values: Record<string, unknown>, report: ReportProblem): T;
}

export function fragment<S extends z.ZodRawShape, T>(
  shape: S,
  build: (values: z.infer<z.ZodObject<S>>, report: ReportProblem) => T,
): ConfigFragment<T> {
  return {
    shape: shape as unknown as Record<string, z.ZodType>,
    build: (values, report) => build(values as z.infer<z.ZodObject<S>>, report),
  };
}

export type ConfigFragments = Record<string, ConfigFragment<unknown>>;
export type ConfigOf<F extends ConfigFragments> = { readonly [K in keyof F]: F[K] extends ConfigFragment<infer T> ? T : never };

const secretSchemas = new WeakSet<z.ZodType>();

/** Marks a value that may also come from the file named by `<NAME>_FILE`, as mounted secrets do. */
export function secret<S extends z.ZodType>(schema: S): S {
  secretSchemas.add(schema);
  return schema;
}

export function isSecret(schema: z.ZodType): boolean {
  return secretSchemas.has(schema);
}
