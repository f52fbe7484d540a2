import { toolEffects, toolNameSchema } from '@keyward/contracts';
import { z } from 'zod';
import { expressionSchema, mappingsSchema } from '../manifest/expression.js';

const argumentNameSchema = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'must be 1 to 64 of A-Z a-z 0-9 _');

const unifiedDefinitionSchema = z.strictObject({
  name: toolNameSchema,
  title: z.string().min(1).max(80),
  description: z
    .string()
    .min(1)
    .max(2000)
    .describe('Written for a model that must choose it; what a connector asks for stands in its notes'),
  effect: z.enum(toolEffects).describe('The most that a tool behind it may do'),
  list: z.boolean().default(false).describe('Gives a list: it takes `limit` and `cursor` as well, and `output` is of one item'),
  input: z
    .record(z.string(), z.unknown())
    .describe('JSON Schema 2020-12 of the arguments, type object, without `connector`, `limit` and `cursor`'),
  output: z
    .record(z.string(), z.unknown())
    .describe('JSON Schema 2020-12 of what every connector gives, type object, without `native`'),
});
export type UnifiedDefinition = z.infer<typeof unifiedDefinitionSchema>;

/** `connectors/unified/<family>.yaml`. */
export const unifiedFamilySchema = z.array(unifiedDefinitionSchema).min(1).max(50);

const unifiedMappingSchema = z.strictObject({
  tool: toolNameSchema.describe('Of this connector'),
  arguments: mappingsSchema.describe('Its arguments, as in a request: `$.argument` is one of the unified tool'),
  output: expressionSchema.describe('Over the tool’s output, of a list over one item; `$args` are the unified arguments'),
  ignored: z.array(argumentNameSchema).max(50).default([]).describe('Unified arguments that this connector has no use for'),
  notes: z.string().min(1).max(500).optional().describe('What a model must know to call it for this connector'),
});
export type UnifiedMapping = z.infer<typeof unifiedMappingSchema>;

/** `connectors/<name>/unified.yaml`: unified tool → tool of this connector. */
export const unifiedMappingsSchema = z.record(toolNameSchema, unifiedMappingSchema);
