import { idSchema } from '@keyward/contracts';
import { z } from 'zod';

export const CHECKPOINT_TYPE = 'keyward-checkpoint';

export const checkpointAlgorithms = ['EdDSA', 'ES256'] as const;
export type CheckpointAlgorithm = (typeof checkpointAlgorithms)[number];

/** SHA-256 in lower-case hex. */
export const hashSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits in lower case');
/** Of a record: 1, 2, 3 … per organization. */
export const seqSchema = z.int().min(1);

/** What a checkpoint states: where an organization's chain stood. Strict, so that nothing is signed that no reader looks at. */
export const checkpointStatementSchema = z
  .strictObject({
    v: z.literal(1),
    org: idSchema('org'),
    /** Of the last record that is covered. */
    seq: seqSchema,
    /** Of that record; it covers every record before it. */
    hash: hashSchema,
    /** When it was signed, RFC 3339 UTC. */
    at: z.iso.datetime(),
    /** Records since the previous checkpoint. */
    events: z.int().min(0),
    /** `seq` of the previous checkpoint of the organization; 0 for the first. */
    previous: z.int().min(0),
  })
  .refine(({ seq, previous, events }) => seq - previous === events, 'events must be seq − previous');
export type CheckpointStatement = z.infer<typeof checkpointStatementSchema>;

/** The protected header (RFC 7515 section 4). Nothing else may be in it: no `crit`, no key of its own, no address of one. */
export const checkpointHeaderSchema = z.strictObject({
  alg: z.enum(checkpointAlgorithms),
  /** RFC 7638 thumbprint (SHA-256) of the public key. */
  kid: z.string().min(1).max(100),
  typ: z.literal(CHECKPOINT_TYPE),
});
export type CheckpointHeader = z.infer<typeof checkpointHeaderSchema>;
