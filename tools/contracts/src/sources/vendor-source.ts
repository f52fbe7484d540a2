import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

/** What the vendor's documentation says and its description does not. */
const correctionSchema = z.strictObject({
  page: z.url(),
  /** A schema, or a member of it, that `is` otherwise. */
  schema: z.string().optional(),
  member: z.string().optional(),
  /** A parameter of the query that operations whose path matches have as well. */
  path: z.string().optional(),
  parameter: z.string().optional(),
  is: z.record(z.string(), z.unknown()),
});

const fileSchema = z.strictObject({
  file: z.string(),
  format: z.enum(['openapi', 'discovery', 'methods', 'endpoints', 'graph-nodes', 'postman', 'facts', 'graphql']),
  server: z.string().optional(),
  date: z.coerce.string(),
  licence: z.string(),
  /** Stands before the names of this file's schemas, where several files have some of the same name. */
  prefix: z.string().default(''),
  /** It is too old for requests, and the only one that has answers. */
  answers_only: z.boolean().default(false),
  drop: z.string().optional(),
  read_as: z.record(z.string(), z.string()).default({}),
  /** Base type → derived types whose members a value of it may have as well. */
  derived: z.record(z.string(), z.array(z.string())).default({}),
  /** graph-nodes: node → what a tool's first segment, `me` or `{media_id}`, looks like where it is one. */
  nodes: z.record(z.string(), z.string()).default({}),
  /** Headers that every request needs and the file does not list. */
  headers: z.array(z.string()).default([]),
  corrections: z.array(correctionSchema).default([]),
  /** facts: whose. */
  vendor: z.string().optional(),
});
const sourcesSchema = z.record(z.string(), z.strictObject({ files: z.array(fileSchema).min(1) }));

export type SourceFile = z.infer<typeof fileSchema>;
export type Sources = z.infer<typeof sourcesSchema>;

/** `tools/contracts/sources.yaml` */
export function readSources(): Sources {
  return sourcesSchema.parse(parse(readFileSync(new URL('../../sources.yaml', import.meta.url), 'utf8')));
}
