import { z } from 'zod';
import { idSchema } from './ids.js';

/** Takes the place of an output that is too large for the bus, or is a file. The bytes are at `GET /v1/artifacts/{id}`. */
export const artifactHandleSchema = z.object({
  artifact: z.object({
    id: idSchema('art'),
    /** Of the bytes; `application/json` for an output that would have been JSON. */
    contentType: z.string(),
    bytes: z.int(),
    /** Hex, of the bytes. */
    sha256: z.string(),
    /** RFC 3339. After that there is nothing any more. */
    expiresAt: z.iso.datetime(),
  }),
});
export type ArtifactHandle = z.infer<typeof artifactHandleSchema>;
