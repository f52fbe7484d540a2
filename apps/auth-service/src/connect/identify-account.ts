import { connectedProvider } from '@keyward/oauth';
import { probeConnection, type ProbeOptions } from '../connections/probe.js';
import type { Grant } from './grant.js';
import type { Offer } from './offer.js';

/**
 * Whose account it is, where the manifest's probe says so. The grant has been given, so a provider that does not answer, or not this,
 * keeps nothing from being stored.
 */
export async function identifyAccount(options: ProbeOptions, offer: Offer, grant: Grant): Promise<Grant> {
  try {
    const provider = connectedProvider(offer, grant.parameters);
    const { outcome, account } = await probeConnection(options, { provider, secret: grant.accessToken, app: offer.app });
    return outcome === 'working' ? { ...grant, account } : grant;
  } catch {
    return grant;
  }
}
