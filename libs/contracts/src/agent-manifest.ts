import { z } from 'zod';
import { assignmentSchema, permissionLevels } from './agent.js';
import { writtenToolNameSchema } from './execution.js';
import { idSchema, slugSchema, userIdSchema } from './ids.js';

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
        /** A tool of the connector; a unified name stands for the connector's tool behind it. */
        name: writtenToolNameSchema,
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

/** A tool of a manifest for which a connection lacks scopes, or for which the user named has none. */
export const manifestGapSchema = z.object({
  tool: z.string(),
  connector: z.string(),
  /** Null: there is no connection yet. */
  connection: idSchema('conn').nullable(),
  user: userIdSchema.nullable(),
  scopes: z.array(z.string()),
  /** Asks for the union of what the connection has and what the manifest needs of this connector; where a user was named. */
  connectUrl: z.url().optional(),
});

/** `PUT /v1/agents/{id}/manifest`, `PUT /v1/manifests`: what applying it has changed, and what is still missing for it to work. */
export const appliedManifestSchema = z.object({
  agent: idSchema('agt'),
  /** Whether the agent was made. */
  created: z.boolean(),
  /** False: everything was so already, and nothing was written. */
  changed: z.boolean(),
  version: z.int().positive(),
  assignments: z.object({
    added: z.array(assignmentSchema),
    changed: z.array(assignmentSchema),
    /** Connectors. */
    removed: z.array(z.string()),
  }),
  /** At most 500. */
  missingScopes: z.array(manifestGapSchema),
});
export type AppliedManifest = z.infer<typeof appliedManifestSchema>;

/** `GET /v1/agents/{id}/manifest`. */
export const storedManifestSchema = z.object({
  agent: idSchema('agt'),
  version: z.int().positive(),
  manifest: agentManifestSchema,
  appliedBy: z.string(),
  appliedAt: z.iso.datetime(),
});
export type StoredManifest = z.infer<typeof storedManifestSchema>;

/** `PUT /v1/manifests`. */
export const putManifestSchema = z.strictObject({ organization: idSchema('org'), manifest: agentManifestSchema });
