import { timingSafeEqual } from 'node:crypto';
import { agentKeySecretHash, parseAgentKey } from '@keyward/contracts';
import type { DataSource } from 'typeorm';
import { prepared, type PreparedStatement } from './prepared.js';

/** What `identity.find_agent_key` answers. */
export interface AgentKeyRow {
  org_id: string;
  agent_id: string;
  secret_sha256: Buffer;
  revoked_at: Date | null;
  expires_at: Date | null;
}

export interface VerifiedAgentKey {
  org: string;
  agent: string;
  /** Its id, `key_…`. */
  key: string;
  /** Null: it does not end. */
  expiresAt: Date | null;
}

const FIND: PreparedStatement = {
  name: 'find_agent_key',
  text: 'SELECT org_id, agent_id, secret_sha256, revoked_at, expires_at FROM identity.find_agent_key($1)',
};
const NO_SECRET = Buffer.alloc(32);

/** The one read that crosses organizations: a key is what tells which one it belongs to. @throws KeywardError `dependency_unavailable` */
export async function findAgentKey(database: DataSource, keyId: string): Promise<AgentKeyRow | undefined> {
  const [row] = await prepared<AgentKeyRow>(database, FIND, [keyId]);
  return row;
}

/**
 * Compares a key with its row.
 * @returns undefined for a key that is malformed, unknown, revoked or has a wrong secret alike; whether it has ended is the caller's to say
 */
export async function verifyAgentKey(
  lookup: (keyId: string) => Promise<AgentKeyRow | undefined>,
  key: string,
): Promise<VerifiedAgentKey | undefined> {
  const parts = parseAgentKey(key);
  const row = parts === undefined ? undefined : await lookup(parts.id);
  const presented = parts === undefined ? NO_SECRET : agentKeySecretHash(parts.secret);
  const matches = timingSafeEqual(presented, row?.secret_sha256 ?? NO_SECRET);
  if (parts === undefined || row === undefined || !matches || row.revoked_at !== null) return undefined;
  return { org: row.org_id, agent: row.agent_id, key: parts.id, expiresAt: row.expires_at };
}
