import type { JWK } from 'jose';
import type { CheckpointAlgorithm } from './statement.js';

/** Holds, or reaches, the private key that signs checkpoints. */
export interface CheckpointSigner {
  readonly alg: CheckpointAlgorithm;
  /** RFC 7638 thumbprint (SHA-256) of the public key. */
  readonly kid: string;
  /** With `kid`, `alg` and `use`; never a private member. */
  publicJwk(): JWK;
  /**
   * The signature over the JWS signing input, as JOSE has it: Ed25519 64 bytes (RFC 8037 section 3.1), ES256 r || s (RFC 7518 section 3.4).
   * @throws KeywardError `dependency_unavailable` where the key can't be used at the moment
   */
  sign(input: Buffer): Promise<Buffer>;
}
