import { idSchema } from '@keyward/contracts';
import { z } from 'zod';
import { MAX_CHECKPOINT_LENGTH } from '../checkpoint/read.js';
import { hashSchema, seqSchema } from '../checkpoint/statement.js';

/** A place in a chain. 0 with 64 zeros is before its first record. */
const positionSchema = z.strictObject({ seq: z.int().min(0), hash: hashSchema });

/** First line of an export. */
export const exportHeaderSchema = z.strictObject({
  kind: z.literal('export'),
  v: z.literal(1),
  organization: idSchema('org'),
  /** The record before the first one that follows; null where the export starts with the trail itself. */
  from: positionSchema.nullable(),
  /** What was asked for; null where everything after `from` follows. Only such an export can be verified as a chain. */
  filter: z.record(z.string(), z.json()).nullable(),
  /** When it was made, RFC 3339 UTC. */
  at: z.iso.datetime(),
});

/** One record of the trail. */
export const exportEventSchema = z.strictObject({
  kind: z.literal('event'),
  seq: seqSchema,
  prevHash: hashSchema,
  hash: hashSchema,
  /** As it was recorded, members that this version does not know included: the hash is over all of it. */
  event: z.record(z.string(), z.unknown()),
});

/** A checkpoint, behind the record that it was made for. */
export const exportCheckpointSchema = z.strictObject({
  kind: z.literal('checkpoint'),
  /** Compact JWS. */
  jws: z.string().max(MAX_CHECKPOINT_LENGTH),
});

/** Last line of an export: without it, it is not whole. */
export const exportEndSchema = z.strictObject({
  kind: z.literal('end'),
  /** How many events it holds. */
  events: z.int().min(0),
  /** The last record of the trail when the export was made, `from` where none came after it; null where there was none at all. */
  head: positionSchema.nullable(),
});

export const exportLineSchema = z.discriminatedUnion('kind', [
  exportHeaderSchema,
  exportEventSchema,
  exportCheckpointSchema,
  exportEndSchema,
]);

export type ExportHeader = z.infer<typeof exportHeaderSchema>;
export type ExportEvent = z.infer<typeof exportEventSchema>;
export type ExportCheckpoint = z.infer<typeof exportCheckpointSchema>;
export type ExportEnd = z.infer<typeof exportEndSchema>;
export type ExportLine = z.infer<typeof exportLineSchema>;

/** A line of an export with its line feed. */
export function exportLine(line: ExportLine): string {
  return `${JSON.stringify(line)}\n`;
}
