import { declaredCostSchema, slugSchema, toolNameSchema } from '@keyward/contracts';
import { z } from 'zod';
import { pointerSchema } from '../manifest/template.js';

const toolOverlaySchema = z.strictObject({
  hidden: z.boolean().default(false).describe('Nobody of the organization sees or calls it'),
  title: z.string().min(1).max(80).optional(),
  description: z.string().min(1).max(2000).optional(),
  arguments: z
    .record(z.string(), z.json())
    .default({})
    .describe('Arguments that are always these: callers neither see nor set them'),
  cost: declaredCostSchema.optional().describe('What one call costs this organization'),
  sensitive: z.array(pointerSchema.min(1)).max(50).default([]).describe('Beside those that the tool names'),
});
export type ToolOverlay = z.infer<typeof toolOverlaySchema>;

/** What an organization changes about the tools of one connector of the deployment: it narrows them, and never makes a call do more. */
export const overlaySchema = z.strictObject({
  connector: slugSchema,
  tools: z.record(toolNameSchema, toolOverlaySchema).default({}),
});
export type OverlayDefinition = z.infer<typeof overlaySchema>;
