import type { Egress } from '@keyward/egress';
import { connectedProvider } from '@keyward/oauth';
import { probeConnection } from '../connections/probe.js';
import type { Grant } from './grant.js';
import type { Offer } from './offer.js';

/**
 * Whose account it is, where the manifest's probe says so. The grant has been given, so a provider that does not answer, or not this,
 * keeps nothing from being stored.
 */
export async function identifyAccount(egress: Egress, offer: Offer, grant: Grant): Promise<Grant> {
  try {
    const provider = connectedProvider(offer, grant.parameters);
    const { outcome, account } = await probeConnection(egress, { provider, secret: grant.accessToken });
    return outcome === 'working' ? { ...grant, account } : grant;
  } catch {
    return grant;
  }
}
