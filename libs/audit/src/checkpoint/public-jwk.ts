import type { KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { CheckpointAlgorithm } from './statement.js';

/** A public key as it is published, with what finds it (`kid`, RFC 7638) and what it is for. */
export type CheckpointJwk = JWK & { kid: string; alg: CheckpointAlgorithm };

/** Undefined for anything but a public key that signs checkpoints. */
export async function publicJwkOf(key: KeyObject): Promise<CheckpointJwk | undefined> {
  const alg = key.type === 'public' ? algorithmOf(key) : undefined;
  if (alg === undefined) return undefined;
  const jwk = key.export({ format: 'jwk' }) as JWK;
  return { ...jwk, kid: await calculateJwkThumbprint(jwk, 'sha256'), alg, use: 'sig' };
}

function algorithmOf(key: KeyObject): CheckpointAlgorithm | undefined {
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined;
}
