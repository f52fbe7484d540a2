import { prepared, type PreparedStatement } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import type { AgentKeyRow } from './agent-keys.js';

const FIND: PreparedStatement = {
  name: 'gateway_find_agent_key',
  text: 'SELECT org_id, agent_id, secret_sha256, revoked_at FROM identity.find_agent_key($1)',
};

/** The one read that crosses organizations: a key is what tells which one it belongs to. @throws KeywardError `dependency_unavailable` */
export async function findAgentKey(database: DataSource, keyId: string): Promise<AgentKeyRow | undefined> {
  const [row] = await prepared<AgentKeyRow>(database, FIND, [keyId]);
  return row;
}
