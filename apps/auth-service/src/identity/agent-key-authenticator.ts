import type { AgentAddress } from '@keyward/contracts';
import { findAgentKey, verifyAgentKey } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { unauthenticated } from './bearer.js';

/** Which agent holds this key. The key itself says to which organization it belongs. */
export class AgentKeyAuthenticator {
  constructor(private readonly dataSource: DataSource) {}

  /** @throws KeywardError `unauthenticated` for a key that is malformed, unknown, revoked, expired or has a wrong secret alike */
  async authenticate(key: string): Promise<AgentAddress> {
    const verified = await verifyAgentKey((keyId) => findAgentKey(this.dataSource, keyId), key);
    if (verified === undefined) throw unauthenticated();
    const { org, agent, expiresAt } = verified;
    if (expiresAt !== null && expiresAt.getTime() <= Date.now()) throw unauthenticated();
    return { org, agent };
  }
}
