import { encodeAccount, encodeOperator, newScopedSigner, type Account, type OperatorLimits } from '@nats-io/jwt';
import { createAccount, createOperator, fromSeed, type KeyPair } from '@nats-io/nkeys';

/** Everything that must be kept to have the same operator again; secret. The JWTs follow from it. */
export interface NatsSeeds {
  operator: string;
  SYS: string;
  KEYWARD: string;
  AGENTS: string;
  /** The scoped signing key of AGENTS: users signed with it get what the template allows and nothing else. */
  agentsSigning: string;
}

export type NatsAccountName = 'SYS' | 'KEYWARD' | 'AGENTS';

export interface NatsAccount {
  publicKey: string;
  jwt: string;
}

/** Plain data: seeds as well as what a server needs to know. */
export interface NatsOperator {
  seeds: NatsSeeds;
  jwt: string;
  accounts: Record<NatsAccountName, NatsAccount>;
}

/** `@nats-io/jwt` writes 0 for a limit that is left out, and 0 means none at all: no connection, no subscription. */
const UNLIMITED: OperatorLimits = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
  disallow_bearer: true,
};

const WITH_JETSTREAM: OperatorLimits = {
  ...UNLIMITED,
  mem_storage: -1,
  disk_storage: -1,
  streams: -1,
  consumer: -1,
  mem_max_stream_bytes: -1,
  disk_max_stream_bytes: -1,
  max_ack_pending: -1,
};

/**
 * What a user signed with the scoped key may do, whatever their own JWT says. `name()` is the agent's id and the tag `org` its
 * organization; nats-server fills both in from the signed JWT. Replies are not allowed: an agent answers nobody.
 */
const AGENT_TEMPLATE = {
  pub: { allow: ['tool.execute.{{tag(org)}}.{{name()}}'], deny: [] },
  sub: { allow: ['tool.result.{{tag(org)}}.{{name()}}.>', '_INBOX.{{name()}}.>'], deny: [] },
  subs: 100,
  data: -1,
  payload: -1,
};

/**
 * An operator with the accounts SYS (nats-server's own), KEYWARD (the services and every stream) and AGENTS (no JetStream).
 * @param seeds of an earlier call, to get the same operator; the JWTs are made anew, so that a changed template takes effect
 */
export async function createNatsOperator(seeds: NatsSeeds = newNatsSeeds()): Promise<NatsOperator> {
  const operator = keyPair(seeds.operator);
  const system = keyPair(seeds.SYS);
  const account = async (name: NatsAccountName, claims: Partial<Account>): Promise<NatsAccount> => {
    const pair = keyPair(seeds[name]);
    return { publicKey: pair.getPublicKey(), jwt: await encodeAccount(name, pair, claims, { signer: operator }) };
  };
  const agentsSigner = newScopedSigner(keyPair(seeds.agentsSigning), 'agent', AGENT_TEMPLATE);
  return {
    seeds,
    jwt: await encodeOperator('keyward', operator, { system_account: system.getPublicKey() }),
    accounts: {
      SYS: await account('SYS', { limits: UNLIMITED }),
      KEYWARD: await account('KEYWARD', { limits: WITH_JETSTREAM }),
      AGENTS: await account('AGENTS', { limits: UNLIMITED, signing_keys: [agentsSigner] }),
    },
  };
}

/** Keys for an operator and its accounts. */
export function newNatsSeeds(): NatsSeeds {
  return {
    operator: seedOf(createOperator()),
    SYS: seedOf(createAccount()),
    KEYWARD: seedOf(createAccount()),
    AGENTS: seedOf(createAccount()),
    agentsSigning: seedOf(createAccount()),
  };
}

function seedOf(pair: KeyPair): string {
  return new TextDecoder().decode(pair.getSeed());
}

export function keyPair(seed: string): KeyPair {
  return fromSeed(new TextEncoder().encode(seed));
}

/** The part of nats-server's configuration that makes it trust this operator and know its accounts. */
export function operatorConfiguration(operator: NatsOperator): Record<string, unknown> {
  const { SYS, KEYWARD, AGENTS } = operator.accounts;
  return {
    operator: operator.jwt,
    system_account: SYS.publicKey,
    resolver: 'MEMORY',
    resolver_preload: { [SYS.publicKey]: SYS.jwt, [KEYWARD.publicKey]: KEYWARD.jwt, [AGENTS.publicKey]: AGENTS.jwt },
  };
}
