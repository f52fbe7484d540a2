import { compactVerify } from 'jose';
import type { CheckpointKeys } from './keys.js';
import { CheckpointRejected, readCheckpoint } from './read.js';
import type { CheckpointStatement } from './statement.js';

/**
 * What a checkpoint says, once its signature is known to be that of one of the keys.
 * @throws CheckpointRejected
 */
export async function verifyCheckpoint(jws: string, keys: CheckpointKeys): Promise<CheckpointStatement> {
  const { header, statement } = readCheckpoint(jws);
  const known = keys.get(header.kid);
  if (known === undefined)
    throw new CheckpointRejected('unknown_key', `it names the key ${header.kid}, which is none of those given`);
  if (header.alg !== known.alg)
    throw new CheckpointRejected('bad_signature', `it says ${header.alg}, but its key is one for ${known.alg}`);
  try {
    await compactVerify(jws, known.key, { algorithms: [known.alg] });
  } catch {
    throw new CheckpointRejected('bad_signature', 'its signature is not that of the key that it names');
  }
  return statement;
}
