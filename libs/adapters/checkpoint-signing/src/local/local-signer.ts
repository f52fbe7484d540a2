import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { CheckpointSigner } from '@keyward/audit';
import { publicJwkOf, type CheckpointJwk } from '@keyward/audit/verification';
import { signingUnavailable } from '../errors.js';
import { readSigningKey } from './key-file.js';

/** An Ed25519 key of a file. It proves the trail to whoever trusts this machine; a KMS also proves it against this machine. */
class LocalSigner implements CheckpointSigner {
  readonly alg = 'EdDSA';

  constructor(
    private readonly key: KeyObject,
    private readonly jwk: CheckpointJwk,
  ) {}

  get kid(): string {
    return this.jwk.kid;
  }

  publicJwk(): CheckpointJwk {
    return { ...this.jwk };
  }

  sign(input: Buffer): Promise<Buffer> {
    return Promise.resolve(sign(null, input, this.key));
  }
}

/** @throws KeywardError `dependency_unavailable` */
export async function openLocalSigner(keyFile: string): Promise<CheckpointSigner> {
  try {
    const key = await readSigningKey(keyFile);
    const jwk = await publicJwkOf(createPublicKey(key));
    if (jwk === undefined) throw new Error(`${keyFile} holds no key that signs checkpoints`);
    return new LocalSigner(key, jwk);
  } catch (cause) {
    throw signingUnavailable(cause);
  }
}
