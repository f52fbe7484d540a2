import type { AgentAddress, natsCredentialsSchema } from '@keyward/contracts';
import { withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import type { AgentsAccount } from '../config.js';
import { requireAgent } from '../identity/agents.js';
import { recordAudit, type Actor } from '../records/record.js';
import { credsFile } from './creds-file.js';
import { createUserKey } from './nkey.js';
import { mintUserJwt } from './user-jwt.js';

/** Short, because what is issued can't be taken back one by one; the SDK asks again before it ends. */
const LIFETIME_MS = 3_600_000;

export class NatsCredentials {
  constructor(
    private readonly dataSource: DataSource,
    private readonly account: AgentsAccount,
  ) {}

  /** A fresh key pair and a user JWT for it; neither is kept. @throws KeywardError `not_found`, `dependency_unavailable` */
  async issue({ org, agent }: AgentAddress, actor: Actor): Promise<z.infer<typeof natsCredentialsSchema>> {
    const issuedAt = new Date();
    const expiresAt = new Date(issuedAt.getTime() + LIFETIME_MS);
    await withOrg(this.dataSource, org, async (em) => {
      await requireAgent(em, org, agent);
      await recordAudit(em, { type: 'agent.nats_credentials_issued', org, actor, agent });
    });
    const key = createUserKey();
    const jwt = mintUserJwt(this.account.signer, { subject: key.publicKey, org, agent, issuedAt, expiresAt });
    return { creds: credsFile(jwt, key.seed), natsUrl: this.account.natsUrl, expiresAt: expiresAt.toISOString() };
  }
}
