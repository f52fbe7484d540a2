import { timingSafeEqual } from 'node:crypto';
import { agentKeySecretHash, parseAgentKey, type AgentAddress } from '@keyward/contracts';
import { prepared, type PreparedStatement } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { unauthenticated } from './bearer.js';

interface KeyRow {
  org_id: string;
  agent_id: string;
  secret_sha256: Buffer;
  revoked_at: Date | null;
  expires_at: Date | null;
}

const FIND: PreparedStatement = {
  name: 'auth_find_agent_key',
  text: 'SELECT org_id, agent_id, secret_sha256, revoked_at, expires_at FROM identity.find_agent_key($1)',
};

/** Which agent holds this key. The key itself says to which organization it belongs. */
export class AgentKeyAuthenticator {
  constructor(private readonly dataSource: DataSource) {}

  /** @throws KeywardError `unauthenticated` for a key that is malformed, unknown, revoked, expired or has a wrong secret alike */
  async authenticate(key: string): Promise<AgentAddress> {
    const parts = parseAgentKey(key);
    if (parts === undefined) throw unauthenticated();
    const [row] = await prepared<KeyRow>(this.dataSource, FIND, [parts.id]);
    const valid = row !== undefined && timingSafeEqual(agentKeySecretHash(parts.secret), row.secret_sha256);
    if (!valid || row.revoked_at !== null) throw unauthenticated();
    if (row.expires_at !== null && row.expires_at.getTime() <= Date.now()) throw unauthenticated();
    return { org: row.org_id, agent: row.agent_id };
  }
}
