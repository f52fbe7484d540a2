import { calculatePKCECodeChallenge, generateRandomCodeVerifier } from 'oauth4webapi';
import { hasAuth, type ProviderManifest } from '@keyward/connectors';

export interface PkcePair {
  /** Secret until the exchange: seal it. */
  verifier: string;
  /** By the method that the manifest names. */
  challenge: string;
}

/**
 * RFC 7636 section 4: 256 bits of entropy. S256, except where the manifest says (with its reason) that the server takes only `plain`.
 * Where it says `none`, there is a pair all the same, and neither half of it is ever sent.
 */
export async function createPkcePair(provider: ProviderManifest): Promise<PkcePair> {
  const verifier = generateRandomCodeVerifier();
  const plain = hasAuth(provider, 'oauth2_authorization_code') && provider.auth.pkce === 'plain';
  return { verifier, challenge: plain ? verifier : await calculatePKCECodeChallenge(verifier) };
}
