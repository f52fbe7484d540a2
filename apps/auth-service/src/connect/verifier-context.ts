import type { SecretContext } from '@keyward/credentials';

/** A PKCE verifier opens only for the transaction that it was sealed for. */
export function verifierContext(org: string, stateSha256: Buffer): SecretContext {
  return { org, record: stateSha256.toString('hex'), field: 'pkce_verifier', generation: 1 };
}
