import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { CheckpointSigner } from '../checkpoint/signer.js';
import { publicJwkOf, type CheckpointJwk } from '../checkpoint/public-jwk.js';

export type EphemeralAlgorithm = CheckpointSigner['alg'];

/** A signer over a fresh key that is nowhere else. */
export class EphemeralSigner implements CheckpointSigner {
  private constructor(
    private readonly key: KeyObject,
    private readonly jwk: CheckpointJwk,
  ) {}

  static async create(alg: EphemeralAlgorithm = 'EdDSA'): Promise<EphemeralSigner> {
    const pair = alg === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = await publicJwkOf(pair.publicKey);
    if (jwk === undefined) throw new TypeError(`no key for ${alg}`);
    return new EphemeralSigner(pair.privateKey, jwk);
  }

  get alg(): EphemeralAlgorithm {
    return this.jwk.alg;
  }

  get kid(): string {
    return this.jwk.kid;
  }

  publicJwk(): CheckpointJwk {
    return { ...this.jwk };
  }

  sign(input: Buffer): Promise<Buffer> {
    const signature =
      this.alg === 'EdDSA' ? sign(null, input, this.key) : sign('sha256', input, { key: this.key, dsaEncoding: 'ieee-p1363' });
    return Promise.resolve(signature);
  }
}
