import { declaredCostSchema, toolEffects, toolNameSchema } from '@keyward/contracts';
import { z } from 'zod';
import { bucketNameSchema } from './api.js';
import { declaredErrorsSchema } from './declared-error.js';
import { expressionSchema, mappingsSchema } from './expression.js';
import { paginationSchema } from './pagination.js';
import { requestSchema } from './request-definition.js';
import { pointerSchema } from './template.js';
import { headerNameSchema } from './url-rules.js';

const scopeSet = z.array(z.string().min(1).max(256)).min(1).max(20);

const stepSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be 1 to 32 of a-z 0-9 _'),
  request: requestSchema,
  for_each: expressionSchema
    .optional()
    .describe('A list, over the arguments: one request per item, which is `$item` there. The answers are a list as well'),
  when: expressionSchema.optional().describe('Over the arguments; where it gives false the step is left out'),
  repeatable: z.boolean().optional().describe('Sending it twice leaves nothing that counts; reads always may be'),
  until: z
    .strictObject({
      check: expressionSchema.describe('Over the answer'),
      every_ms: z.int().min(100).max(60_000).default(2_000),
      at_most: z.int().min(1).max(100).default(30),
    })
    .optional()
    .describe('Repeats a harmless read until it holds'),
});
export type StepDefinition = z.infer<typeof stepSchema>;

const idempotencySchema = z.union([
  z.literal('none'),
  z.strictObject({ header: headerNameSchema }).describe('Where the provider takes a key that makes repeating a write safe'),
  z.strictObject({
    probe: z
      .strictObject({
        request: requestSchema,
        found: expressionSchema.describe('Over the answer: the output of the tool, or nothing where the write is not there'),
      })
      .describe('How to find out whether a write whose answer was lost was carried out'),
  }),
]);

const outputSchema = z.strictObject({
  select: expressionSchema.optional().describe('Over the answer’s body; of a tool with pagination over one item'),
  schema: z.record(z.string(), z.unknown()).optional().describe('JSON Schema 2020-12 of what the caller gets'),
});

export const toolDefinitionSchema = z
  .strictObject({
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
    request: requestSchema.optional(),
    steps: z.array(stepSchema).min(1).max(10).optional().describe('Several requests, one after the other'),
    output: outputSchema.prefault({}),
    pagination: paginationSchema.optional(),
    idempotency: idempotencySchema.default('none'),
    limits: z
      .strictObject({
        cost: z.int().min(1).max(1000).default(1).describe('What one request counts for'),
        bucket: bucketNameSchema.default('default').describe('One of the connector’s limits.quotas'),
      })
      .prefault({}),
    cost: declaredCostSchema
      .optional()
      .describe('What one call costs, in the currency of the deployment: for usage and budgets. Six decimals at most'),
    errors: declaredErrorsSchema.describe('Looked at before those of the connector'),
    compensate: z
      .strictObject({
        tool: toolNameSchema,
        arguments: mappingsSchema.describe('As in a request; `output` is what this tool gave'),
      })
      .optional()
      .describe('The call that takes back what this one did'),
    sensitive: z.array(pointerSchema.min(1)).max(50).default([]).describe('Arguments that the audit record does not show'),
    documentation: z
      .url({ protocol: /^https$/ })
      .max(500)
      .optional()
      .describe('The provider’s page of this operation'),
    checked: z.iso.date().optional().describe('When that page was read'),
  })
  .superRefine((tool, context) => {
    const refuse = (place: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path: place, message });
    if ((tool.request === undefined) === (tool.steps === undefined))
      refuse(['request'], 'exactly one of request and steps must be there');
    if (tool.pagination !== undefined && (tool.effect !== 'read' || tool.request === undefined))
      refuse(['pagination'], 'is for reads with one request');
    if (tool.idempotency !== 'none' && tool.effect === 'read') refuse(['idempotency'], 'a read needs none');
    if (tool.checked !== undefined && tool.documentation === undefined)
      refuse(['checked'], 'is about documentation, which is missing');
  });
export type ToolDefinition = z.infer<typeof toolDefinitionSchema>;

/** `connectors/<name>/tools.yaml`. */
export const toolFileSchema = z.array(toolDefinitionSchema).max(500);
