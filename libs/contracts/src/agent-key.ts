import { createHash } from 'node:crypto';
import { AGENT_KEY_PATTERN } from './agent.js';

/** The two halves of an agent key. `secret` must never be logged, stored or answered. */
export interface AgentKeyParts {
  /** Id of its row, `key_…`. */
  id: string;
  secret: string;
}

export function parseAgentKey(key: string): AgentKeyParts | undefined {
  const match = AGENT_KEY_PATTERN.exec(key);
  const [, id, secret] = match ?? [];
  return id === undefined || secret === undefined ? undefined : { id: `key_${id}`, secret };
}

export function formatAgentKey(parts: AgentKeyParts): string {
  return `kwa_${parts.id.slice('key_'.length)}_${parts.secret}`;
}

/**
 * What `identity.agent_key.secret_sha256` holds: SHA-256 of the secret's 43 ASCII characters. Of the text, not of the decoded
 * bytes: base64url leaves two bits of the last character unused, and four spellings of one key would otherwise be valid.
 * A plain hash suffices, because the secret is 256 random bits and not a password.
 */
export function agentKeySecretHash(secret: string): Buffer {
  return createHash('sha256').update(secret, 'ascii').digest();
}
