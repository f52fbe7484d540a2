import { readFileSync } from 'node:fs';
import { KeywardError } from '@keyward/contracts';

/** Who the credentials speak for, read from the user JWT inside them. */
export interface AgentIdentity {
  org: string;
  agent: string;
}

const USER_JWT = /-{3,}BEGIN NATS USER JWT-{3,}\s+([\w-]+)\.([\w-]+)\.[\w-]+\s+-{3,}END/;
const ORG_TAG = /^org:(org_[0-9a-f]{32})$/;
const AGENT_NAME = /^agt_[0-9a-f]{32}$/;

/**
 * The claims are read and not verified: nats-server does that. They only tell which subjects these credentials are good for;
 * forged claims lead to subjects that the server refuses.
 */
export function identityOf(creds: string): AgentIdentity {
  const claims = USER_JWT.exec(creds)?.[2];
  if (claims === undefined) throw notCredentials();
  const { name, nats } = decodeClaims(claims);
  const tags = Array.isArray(nats?.tags) ? nats.tags : [];
  const org = tags.map((tag) => ORG_TAG.exec(String(tag))?.[1]).find((id) => id !== undefined);
  if (typeof name !== 'string' || !AGENT_NAME.test(name) || org === undefined) throw notCredentials();
  return { org, agent: name };
}

function decodeClaims(segment: string): { name?: unknown; nats?: { tags?: unknown } } {
  try {
    return JSON.parse(Buffer.from(segment, 'base64url').toString('utf8')) ?? {};
  } catch (cause) {
    throw notCredentials(cause);
  }
}

function notCredentials(cause?: unknown): KeywardError {
  return new KeywardError('invalid_request', 'The credentials file does not hold NATS credentials of a Keyward agent.', {
    cause,
  });
}

/**
 * A reader for the NATS client to call at each connect. Where the file is being replaced at that very moment, the credentials read
 * last are offered again: an error thrown here would end the connection for good.
 */
export function credentialsReader(path: string): { identity: AgentIdentity; read: () => Uint8Array } {
  let last: Uint8Array;
  let identity: AgentIdentity;
  try {
    last = readFileSync(path);
    identity = identityOf(Buffer.from(last).toString('utf8'));
  } catch (cause) {
    if (cause instanceof KeywardError) throw cause;
    throw new KeywardError('invalid_request', 'The credentials file can not be read.', { cause });
  }
  const read = () => {
    try {
      const next = readFileSync(path);
      const { agent } = identityOf(next.toString('utf8'));
      if (agent === identity.agent) last = next;
    } catch {
      // The server decides whether the former ones still do; if not, the next attempt reads the file again.
    }
    return last;
  };
  return { identity, read };
}
