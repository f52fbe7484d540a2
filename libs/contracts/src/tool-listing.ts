import { z } from 'zod';
import { connectionStatuses } from './connection.js';

export const toolEffects = ['read', 'write', 'destructive'] as const;
export type ToolEffect = (typeof toolEffects)[number];

/** One entry of `GET /v1/tools`: only tools assigned to the calling agent. */
export const toolListingSchema = z.object({
  name: z.string(),
  title: z.string(),
  description: z.string(),
  /** Null of a unified tool, which stands for a tool of several. */
  connector: z.string().nullable(),
  /** What the argument `connector` of a unified tool may be; of others the one connector that they are of. */
  connectors: z.array(z.string()),
  effect: z.enum(toolEffects),
  /** Any one of these sets suffices; within a set all are needed. Of a unified tool none: they differ. */
  scopes: z.array(z.array(z.string())),
  /** JSON Schema 2020-12 of the arguments. */
  inputSchema: z.record(z.string(), z.unknown()),
  /** JSON Schema 2020-12 of the output, as far as it is declared; null where nothing is. */
  outputSchema: z.record(z.string(), z.unknown()).nullable(),
  /** Another wherever another request might be sent, as results and the audit record name it; null of a unified tool. */
  version: z.string().nullable(),
  /** The provider's page of this operation; null where none is named, and of a unified tool. */
  documentation: z.string().nullable(),
  /** Of the connection of the user named in the query; null where none is named or none exists, and of a unified tool. */
  connectionStatus: z.enum(connectionStatuses).nullable(),
});
export type ToolListing = z.infer<typeof toolListingSchema>;

export const toolListSchema = z.object({ tools: z.array(toolListingSchema), nextCursor: z.string().nullable() });
