import { calculateJwkThumbprint, importJWK, type CryptoKey, type JWK } from 'jose';
import type { CheckpointJwk } from './public-jwk.js';
import type { CheckpointAlgorithm } from './statement.js';

interface CheckpointKey {
  /** The only algorithm that this key verifies. It follows from the key, never from what a checkpoint says (RFC 8725 section 3.1). */
  alg: CheckpointAlgorithm;
  key: CryptoKey;
  /** As it is published. */
  jwk: CheckpointJwk;
}

/** Public keys by their thumbprint. */
export type CheckpointKeys = ReadonlyMap<string, CheckpointKey>;

function algorithmOf(jwk: JWK): CheckpointAlgorithm | undefined {
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') return 'EdDSA';
  if (jwk.kty === 'EC' && jwk.crv === 'P-256') return 'ES256';
  return undefined;
}

/**
 * Public keys as JWKs (RFC 7517), ready to verify with. A key is found by its thumbprint, which is computed: what a JWK says about its own
 * id is compared, not believed.
 * @throws TypeError that says which entry can't be used, and why; never with a value of it
 */
export async function checkpointKeys(jwks: readonly JWK[]): Promise<CheckpointKeys> {
  const keys = new Map<string, CheckpointKey>();
  for (const [index, jwk] of jwks.entries()) {
    const refuse = (why: string): never => {
      throw new TypeError(`key ${index + 1}: ${why}`);
    };
    const alg = algorithmOf(jwk) ?? refuse('only Ed25519 (OKP) and P-256 (EC) keys sign checkpoints');
    if (jwk.d !== undefined) refuse('it is a PRIVATE key, which has no place in a list of public ones');
    if (jwk.alg !== undefined && jwk.alg !== alg) refuse(`its alg must be ${alg}`);
    const kid = await calculateJwkThumbprint(jwk, 'sha256').catch(() => refuse('it is incomplete'));
    if (jwk.kid !== undefined && jwk.kid !== kid) refuse('its kid is not its RFC 7638 thumbprint');
    const { kty, crv, x, y } = jwk;
    const bare = { kty, crv, x, ...(y === undefined ? {} : { y }) } as JWK;
    const key = await importJWK(bare, alg).catch(() => refuse('it is not a point on its curve'));
    if (key instanceof Uint8Array) return refuse('it is a secret, not a public key');
    keys.set(kid, { alg, key, jwk: { ...bare, kid, alg, use: 'sig' } });
  }
  return keys;
}
