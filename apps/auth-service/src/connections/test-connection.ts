import { KeywardError, type ConnectionTest } from '@keyward/contracts';
import type { Credentials } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import { ConnectionEntity, withOrg, type CredentialEntity } from '@keyward/postgres';
import { freshCredential, type FreshCredentialOptions } from '../custody/fresh-credential.js';
import { recordAudit, type Actor } from '../records/record.js';
import { findHeld, type HeldCredential, type HeldOptions } from './held-credential.js';
import { probeConnection, type Probe } from './probe.js';

export interface TestConnectionOptions extends HeldOptions, FreshCredentialOptions {
  credentials: Credentials;
  egress: Egress;
}

interface Usable extends HeldCredential {
  credential: CredentialEntity;
  provider: NonNullable<HeldCredential['provider']>;
}

/** Asks the provider whether a connection works, the way that its manifest declares. */
export class TestConnection {
  constructor(private readonly options: TestConnectionOptions) {}

  /**
   * @throws KeywardError `not_found`, `revoked`, `needs_reauthorization`, `invalid_request` (the connector is not offered any more);
   * what refreshing fails with; `dependency_unavailable`
   */
  async test(org: string, id: string, actor: Actor): Promise<ConnectionTest> {
    const held = usable(await findHeld(this.options, org, id));
    const { provider, app } = held;
    const { generation, sealedAccess } =
      provider.probe === undefined
        ? held.credential
        : await freshCredential(this.options, { org, connection: id, provider: held.connection.provider });
    const ref = { org, connection: id, generation, sealedAccess };
    const probe = await this.options.credentials.open(ref, (secret) => probeConnection(this.options, { provider, secret, app }));
    const testedAt = new Date();
    await this.#record(held, probe, actor);
    return { connection: id, ...probe, account: accountAfter(held, probe), testedAt: testedAt.toISOString() };
  }

  async #record({ connection: { id, orgId: org, userId: user, agentId: agent, provider } }: Usable, probe: Probe, actor: Actor) {
    const { outcome, providerStatus, account, durationMs } = probe;
    await withOrg(this.options.dataSource, org, async (em) => {
      // A provider that says nothing of the account takes nothing away.
      const known = {
        ...(account.id === null ? {} : { accountId: account.id }),
        ...(account.name === null ? {} : { accountName: account.name }),
      };
      if (Object.keys(known).length > 0) await em.update(ConnectionEntity, { id, orgId: org }, known);
      const ref = { org, connection: id, user, agent, provider };
      await recordAudit(em, { type: 'connection.tested', ...ref, actor, reason: outcome, providerStatus, durationMs });
    });
  }
}

function accountAfter({ connection }: Usable, { account }: Probe): ConnectionTest['account'] {
  return { id: account.id ?? connection.accountId, name: account.name ?? connection.accountName };
}

function usable(held: HeldCredential): Usable {
  const { connection, credential, provider } = held;
  if (connection.status === 'revoked') throw new KeywardError('revoked', 'The connection was revoked.');
  if (connection.status !== 'active' || credential === null) {
    throw new KeywardError('needs_reauthorization', 'The connection needs a new authorization before it can be used.');
  }
  if (provider === undefined) throw new KeywardError('invalid_request', 'Its connector is not offered any more.');
  return { ...held, credential, provider };
}
