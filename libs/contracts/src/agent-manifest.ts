import { z } from 'zod';
import { permissionLevels } from './agent.js';
import { toolNameSchema } from './execution.js';
import { slugSchema } from './ids.js';

/**
 * What an agent needs, declared: `keyward apply -f`, `PUT /v1/agents/{id}/manifest`. Applying it makes the assignments that it names;
 * scopes that a connection lacks are answered with a link, never granted by it.
 */
export const agentManifestSchema = z.strictObject({
  /** Slug of the agent; made where it does not exist. */
  agent: slugSchema,
  name: z.string().trim().min(1).max(120).optional(),
  tools: z
    .array(
      z.strictObject({
        name: toolNameSchema,
        connector: slugSchema,
        /** Left out: what the tool itself declares. */
        scopes: z.array(z.string().min(1).max(256)).max(100).optional(),
      }),
    )
    .max(500),
  /** Permission level per connector; read where none is named. */
  permissions: z.record(slugSchema, z.enum(permissionLevels)).default({}),
});
export type AgentManifest = z.infer<typeof agentManifestSchema>;
