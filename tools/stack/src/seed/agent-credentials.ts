import { setTimeout as delay } from 'node:timers/promises';
import { writePrivate } from '../home/secrets.js';
import { JsonClient } from '@keyward/sdk';
import type { Seeded } from './seed.js';

const RETRY_MS = 10_000;

export interface AgentCredentials {
  stop(): void;
}

/**
 * Writes the agent's NATS credentials to `file`, and anew when half of their life is over: they are short-lived on purpose, and an
 * agent that reconnects reads the file again. It asks as the agent itself would, with its key.
 */
export async function keepAgentCredentials(
  authUrl: string,
  { agent, agentKey }: Seeded,
  file: string,
  tell: (message: string) => void,
): Promise<AgentCredentials> {
  const stopped = new AbortController();
  const client = new JsonClient(authUrl, agentKey);
  const renew = async (): Promise<number> => {
    const { creds, expiresAt } = await client.post<{ creds: string; expiresAt: string }>(
      `/v1/agents/${agent}/nats-credentials`,
      undefined,
    );
    writePrivate(file, creds);
    return (new Date(expiresAt).getTime() - Date.now()) / 2;
  };
  const keep = async (first: number): Promise<void> => {
    let waitMs = first;
    let failing = false;
    while (!stopped.signal.aborted) {
      await delay(waitMs, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      try {
        waitMs = await renew();
        failing = false;
      } catch (error) {
        if (!failing) tell(`The agent's NATS credentials could not be renewed, trying on: ${String(error)}`);
        failing = true;
        waitMs = RETRY_MS;
      }
    }
  };
  void keep(await renew());
  return { stop: () => stopped.abort() };
}
