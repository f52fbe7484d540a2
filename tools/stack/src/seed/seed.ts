import type { Assignment } from '@keyward/contracts';
import type { Secrets } from '../home/secrets.js';
import type { Addresses } from '../services/definitions.js';
import { JsonClient } from '@keyward/sdk';
import { registrations, type Registration } from './registrations.js';

/** The person of the walk-through, as the platform that embeds Keyward would name them. */
export const USER = 'usr_ada';

const ORGANIZATION = { slug: 'demo', name: 'Demo' };
const AGENT = { slug: 'assistant', name: 'Assistant' };

export interface Seeded {
  org: string;
  agent: string;
  agentKey: string;
}

interface ProviderApp {
  provider: string;
  redirectUri: string;
}

interface Named {
  id: string;
  slug: string;
}

/**
 * Brings about what a first call needs, through the same API that an admin uses: an organization, an agent with a key, the sandbox
 * assigned to it, and Keyward registered as a client at the sandbox; the same for each vendor that is emulated. What is there
 * already is left as it is.
 */
export async function seed(addresses: Addresses, secrets: Secrets): Promise<Seeded> {
  const admin = new JsonClient(addresses.authUrl, secrets.adminToken);
  const { organizations } = await admin.get<{ organizations: Named[] }>('/v1/organizations');
  const org = bySlug(organizations, ORGANIZATION.slug) ?? (await admin.post<Named>('/v1/organizations', ORGANIZATION));
  const query = `organization=${org.id}`;
  const { agents } = await admin.get<{ agents: Named[] }>(`/v1/agents?${query}`);
  const agent = bySlug(agents, AGENT.slug) ?? (await admin.post<Named>('/v1/agents', { organization: org.id, ...AGENT }));
  const wanted = registrations(secrets);
  const connectors = wanted.map(({ connector }) => connector);
  await assign(admin, `/v1/agents/${agent.id}/assignments`, org.id, connectors);
  const { providerApps } = await admin.get<{ providerApps: ProviderApp[] }>(`/v1/provider-apps?${query}`);
  for (const registration of wanted) {
    const known = providerApps.find(({ provider }) => provider === registration.connector);
    await register(admin, org.id, addresses, secrets, registration, known);
  }
  return { org: org.id, agent: agent.id, agentKey: await usableKey(admin, agent.id, org.id, secrets.agentKey) };
}

function bySlug(candidates: Named[], slug: string): Named | undefined {
  return candidates.find((candidate) => candidate.slug === slug);
}

async function assign(admin: JsonClient, path: string, organization: string, connectors: readonly string[]): Promise<void> {
  const { assignments } = await admin.get<{ assignments: Assignment[] }>(`${path}?organization=${organization}`);
  const missing = connectors.filter((connector) => !assignments.some((assignment) => assignment.connector === connector));
  if (missing.length === 0) return;
  const added = missing.map((connector): Assignment => ({ connector, permission: 'write', tools: null }));
  await admin.put(path, { organization, assignments: [...assignments, ...added] });
}

/** Each start tells the sandbox again: the redirect URI names auth-service's port, which may be another one than last time. */
async function register(
  admin: JsonClient,
  organization: string,
  addresses: Addresses,
  { sandbox: { clientSecret, managementToken } }: Secrets,
  { connector: provider, clientId, metadata }: Registration,
  known: ProviderApp | undefined,
): Promise<void> {
  const app =
    known ?? (await admin.post<{ redirectUri: string }>('/v1/provider-apps', { organization, provider, clientId, clientSecret }));
  const sandbox = new JsonClient(addresses.sandboxUrl, managementToken);
  await sandbox.post('/sandbox/clients', {
    client_id: clientId,
    client_secret: clientSecret,
    client_name: 'Keyward (this machine)',
    redirect_uris: [app.redirectUri],
    ...metadata,
  });
}

async function usableKey(admin: JsonClient, agent: string, organization: string, kept: string | undefined): Promise<string> {
  const { keys } = await admin.get<{ keys: { id: string; revokedAt: string | null }[] }>(
    `/v1/agents/${agent}/keys?organization=${organization}`,
  );
  const usable = keys.filter((key) => key.revokedAt === null).map((key) => key.id.replace('key_', 'kwa_'));
  if (kept !== undefined && usable.some((id) => kept.startsWith(`${id}_`))) return kept;
  const { key } = await admin.post<{ key: string }>(`/v1/agents/${agent}/keys`, { organization });
  return key;
}
