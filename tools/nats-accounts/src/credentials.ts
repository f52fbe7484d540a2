import { encodeUser, fmtCreds } from '@nats-io/jwt';
import { createUser } from '@nats-io/nkeys';
import { keyPair, type NatsAccountName, type NatsOperator } from './operator.js';

/** Subjects, wildcards included. A list that is left out allows everything in the account. */
export interface NatsPermissions {
  publish?: string[];
  /** Over `publish`. */
  denyPublish?: string[];
  subscribe?: string[];
  /** Over `subscribe`. */
  denySubscribe?: string[];
}

/** The content of a `.creds` file for a service, without expiry: the file is what has to be kept secret. */
export async function mintServiceCreds(
  operator: NatsOperator,
  account: NatsAccountName,
  name: string,
  permissions: NatsPermissions = {},
): Promise<string> {
  const user = createUser();
  const claims = {
    ...(permissions.publish === undefined ? {} : { pub: { allow: permissions.publish, deny: permissions.denyPublish ?? [] } }),
    ...(permissions.subscribe === undefined
      ? {}
      : { sub: { allow: permissions.subscribe, deny: permissions.denySubscribe ?? [] } }),
  };
  const jwt = await encodeUser(name, user, keyPair(operator.seeds[account]), claims);
  return new TextDecoder().decode(fmtCreds(jwt, user));
}

/** The content of a `.creds` file for an agent, as auth-service mints it: for tests that run without auth-service. */
export async function mintAgentCreds(
  operator: NatsOperator,
  agent: { org: string; agent: string },
  expiresInSeconds = 3_600,
): Promise<string> {
  const user = createUser();
  const signer = keyPair(operator.seeds.agentsSigning);
  const jwt = await encodeUser(
    agent.agent,
    user,
    keyPair(operator.seeds.AGENTS),
    { tags: [`org:${agent.org}`] },
    { signer, scopedUser: true, exp: Math.floor(Date.now() / 1000) + expiresInSeconds },
  );
  return new TextDecoder().decode(fmtCreds(jwt, user));
}
