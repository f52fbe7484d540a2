import canonicalize from 'canonicalize';
import type { CheckpointSigner } from './signer.js';
import { CHECKPOINT_TYPE, checkpointStatementSchema, type CheckpointHeader, type CheckpointStatement } from './statement.js';

/** The header and the payload of a checkpoint, canonical (RFC 8785): one byte sequence per statement and key. */
function signingInput(header: CheckpointHeader, statement: CheckpointStatement): string {
  return [header, statement].map((part) => Buffer.from(canonicalize(part) ?? '').toString('base64url')).join('.');
}

/**
 * A checkpoint: compact JWS (RFC 7515 section 3.1) over the statement.
 * @throws ZodError for a statement that no verifier would take, which is a defect of the caller; what the signer throws
 */
export async function signCheckpoint(statement: CheckpointStatement, signer: CheckpointSigner): Promise<string> {
  const checked = checkpointStatementSchema.parse(statement);
  const input = signingInput({ alg: signer.alg, kid: signer.kid, typ: CHECKPOINT_TYPE }, checked);
  const signature = await signer.sign(Buffer.from(input));
  return `${input}.${signature.toString('base64url')}`;
}
