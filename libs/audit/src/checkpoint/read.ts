import canonicalize from 'canonicalize';
import {
  checkpointHeaderSchema,
  checkpointStatementSchema,
  type CheckpointHeader,
  type CheckpointStatement,
} from './statement.js';

/** Longest checkpoint in characters; a real one has under 600. */
export const MAX_CHECKPOINT_LENGTH = 4_096;

const COMPACT_JWS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/** Why a checkpoint is not taken. `unknown_key`: it may be sound, but none of the keys given is the one that it names. */
export type CheckpointFault = 'malformed' | 'unknown_key' | 'bad_signature';

export class CheckpointRejected extends Error {
  constructor(
    readonly fault: CheckpointFault,
    message: string,
  ) {
    super(message);
    this.name = 'CheckpointRejected';
  }
}

export interface ReadCheckpoint {
  header: CheckpointHeader;
  statement: CheckpointStatement;
}

/** What a checkpoint says, WITHOUT looking at its signature. @throws CheckpointRejected `malformed` */
export function readCheckpoint(jws: string): ReadCheckpoint {
  if (jws.length > MAX_CHECKPOINT_LENGTH) throw new CheckpointRejected('malformed', 'it is too long to be a checkpoint');
  const [, header, payload] = COMPACT_JWS.exec(jws) ?? [];
  if (header === undefined || payload === undefined) throw new CheckpointRejected('malformed', 'it is no compact JWS');
  return {
    header: checked(checkpointHeaderSchema, decoded(header, 'header'), 'header'),
    statement: checked(checkpointStatementSchema, decoded(payload, 'payload'), 'payload'),
  };
}

/** Canonical only (RFC 8785), so that no two readers can see two statements in the same bytes. */
function decoded(part: string, what: string): unknown {
  const text = Buffer.from(part, 'base64url').toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    if (canonicalize(value) === text) return value;
  } catch {
    throw new CheckpointRejected('malformed', `its ${what} is not JSON`);
  }
  throw new CheckpointRejected('malformed', `its ${what} is not canonical JSON (RFC 8785)`);
}

interface Schema<T> {
  safeParse(
    value: unknown,
  ): { success: true; data: T } | { success: false; error: { issues: readonly { path: PropertyKey[] }[] } };
}

function checked<T>(schema: Schema<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
  throw new CheckpointRejected('malformed', `its ${what} is not that of a checkpoint${where === '' ? '' : ` (${where})`}`);
}
