import { randomBytes } from 'node:crypto';
import type { AuthHarness, Tenant } from './harness.js';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const GRANT_TYPES: Record<string, string[]> = {
  sandbox_device: [DEVICE_CODE, 'refresh_token'],
  sandbox_service: ['client_credentials'],
};

/** A client of the tenant's own at one of the sandbox's connectors, registered at both ends. */
export async function register(auth: AuthHarness, { org }: Tenant, provider: string): Promise<{ id: string; clientId: string }> {
  const client = { client_id: `c-${randomBytes(6).toString('hex')}`, client_secret: randomBytes(24).toString('hex') };
  await auth.manageSandbox('clients', { ...client, redirect_uris: [], grant_types: GRANT_TYPES[provider] });
  const body = { organization: org, provider, clientId: client.client_id, clientSecret: client.client_secret };
  const answer = await auth.ask('/v1/provider-apps', { body });
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return { id: String(answer.body['id']), clientId: client.client_id };
}

/** As an MCP server's authorization server is found and a client registered there: nothing is entered. */
export async function registerMcp(auth: AuthHarness, { org }: Tenant): Promise<Record<string, unknown>> {
  const answer = await auth.ask('/v1/provider-apps', { body: { organization: org, provider: 'sandbox_mcp' } });
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return answer.body;
}

export async function sandboxKey(auth: AuthHarness, user = 'ada'): Promise<{ id: string; key: string }> {
  return auth.manageSandbox('api-keys', { user });
}
