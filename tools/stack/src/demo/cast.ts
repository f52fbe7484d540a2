import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAgent, JsonClient, type Agent as SdkAgent } from '@keyward/sdk';
import { writePrivate } from '../home/secrets.js';
import type { StackInfo } from '../stack-info.js';

/** One agent of the story: registered, keyed and, unlike a person, gone with the story. */
export interface StoryAgent {
  id: string;
  key: string;
  http: JsonClient;
  /** Through @keyward/sdk, over NATS with credentials of its own. */
  nats(): Promise<SdkAgent>;
}

/** Registers an agent as an admin does, and gives it the connectors' tools that read and write. */
export async function castAgent(
  info: StackInfo,
  admin: JsonClient,
  slug: string,
  name: string,
  connectors: readonly string[] = ['sandbox'],
): Promise<StoryAgent> {
  const organization = info.org;
  const { id } = await admin.post<{ id: string }>('/v1/agents', { organization, slug, name });
  await admin.put(`/v1/agents/${id}/assignments`, {
    organization,
    assignments: connectors.map((connector) => ({ connector, permission: 'write', tools: null })),
  });
  const { key } = await admin.post<{ key: string }>(`/v1/agents/${id}/keys`, { organization });
  return { id, key, http: new JsonClient(info.gatewayUrl, key), nats: () => overNats(info, id, key) };
}

async function overNats(info: StackInfo, agent: string, key: string): Promise<SdkAgent> {
  const auth = new JsonClient(info.authUrl, key);
  const { creds, natsUrl } = await auth.post<{ creds: string; natsUrl: string }>(
    `/v1/agents/${agent}/nats-credentials`,
    undefined,
  );
  const directory = mkdtempSync(join(tmpdir(), 'keyward-demo-'));
  try {
    const credsFile = join(directory, 'agent.creds');
    writePrivate(credsFile, creds);
    return await connectAgent({ natsUrl, credsFile });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
