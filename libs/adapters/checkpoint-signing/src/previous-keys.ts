import { readFile } from 'node:fs/promises';
import { checkpointKeys, type CheckpointJwk } from '@keyward/audit/verification';
import { z } from 'zod';

const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

/**
 * The public keys that signed before, from a JWKS file (RFC 7517 section 5): they stay published, so that old checkpoints stay verifiable.
 * @throws Error that names the file and what is wrong with it, never what is in it
 */
export async function readPreviousKeys(path: string): Promise<CheckpointJwk[]> {
  const text = await readFile(path, 'utf8');
  let parsed;
  try {
    parsed = jwksSchema.safeParse(JSON.parse(text));
  } catch {
    throw new Error(`${path} is not JSON`);
  }
  if (!parsed.success) throw new Error(`${path} is not a JWKS (RFC 7517): {"keys": [ … ]}`);
  try {
    return [...(await checkpointKeys(parsed.data.keys)).values()].map(({ jwk }) => jwk);
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}
