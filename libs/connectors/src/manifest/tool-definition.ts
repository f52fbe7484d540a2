import { toolEffects, toolNameSchema } from '@keyward/contracts';
import { z } from 'zod';
import { headerNameSchema } from './url-rules.js';

/**
 * A value of the request: `$.name` (or `$.a.b`) stands for that argument, `$` for all of them, and is left out where the caller
 * gave none; `$$…` is a text that begins with `$`; everything else is meant literally.
 */
const mapping: z.ZodType<unknown> = z.json().describe('Literal, or `$.argument`');

const scopeSet = z.array(z.string().min(1).max(256)).min(1).max(20);

const requestSchema = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: z
    .string()
    .max(1024)
    .regex(/^[/]/, 'must begin with /')
    .describe('Appended to base_url; `{name}` stands for an argument, encoded as one segment'),
  query: z.record(z.string().min(1).max(128), mapping).default({}),
  headers: z.record(headerNameSchema, mapping).default({}),
  body: mapping.optional().describe('Sent as JSON'),
});

export const toolDefinitionSchema = z.strictObject({
  name: toolNameSchema,
  title: z.string().min(1).max(80),
  description: z.string().min(1).max(2000).describe('Written for a model that must choose it'),
  effect: z.enum(toolEffects),
  scopes: z
    .union([scopeSet.transform((set) => [set]), z.array(scopeSet).max(10)])
    .default([])
    .describe('Scopes that are all needed; or several such lists, of which any one suffices'),
  input: z
    .record(z.string(), z.unknown())
    .describe('JSON Schema 2020-12 of the arguments, type object; unknown arguments are refused unless it says otherwise'),
  request: requestSchema,
  idempotency: z
    .union([z.literal('none'), z.strictObject({ header: headerNameSchema })])
    .default('none')
    .describe('Header in which the provider takes an idempotency key, which makes repeating a write safe'),
});
export type ToolDefinition = z.infer<typeof toolDefinitionSchema>;

/** `connectors/<name>/tools.yaml`. */
export const toolFileSchema = z.array(toolDefinitionSchema).max(500);
