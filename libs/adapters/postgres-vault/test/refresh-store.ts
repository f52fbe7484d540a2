import { newId } from '@keyward/contracts';
import { withOrg, type OutgoingMessage } from '@keyward/postgres';
import type { TestPostgres } from '@keyward/testing';
import type { DataSource } from 'typeorm';
import {
  createCredentialStore,
  type AuthorizedCredential,
  type Claim,
  type CredentialStore,
  type DueRequest,
  type RefreshableCredential,
  type StoredAuthorization,
} from '../src/index.js';
import { authorizedTokens } from './tokens.js';
import { VaultDatabase, type SeededConnection } from './vault-database.js';

export const LEASE_MS = 60_000;

/** The store as token-refresher has it, over a database in which auth-service stores authorizations. */
export class RefreshStore {
  private constructor(
    readonly database: VaultDatabase,
    readonly auth: DataSource,
    readonly store: CredentialStore,
  ) {}

  static async start(given?: TestPostgres): Promise<RefreshStore> {
    const database = await VaultDatabase.start(given);
    return new RefreshStore(database, await database.as('auth'), createCredentialStore(await database.as('refresher')));
  }

  /** A connection with its first credential, due at once. */
  async connected(org: string, change: Partial<AuthorizedCredential> = {}, provider?: string): Promise<SeededConnection> {
    const seeded = await this.database.newConnection(org, 'pending', provider);
    await this.authorize(seeded, 1, change);
    return seeded;
  }

  authorize(
    to: SeededConnection,
    generation: number,
    change: Partial<AuthorizedCredential> = {},
  ): Promise<StoredAuthorization | null> {
    return withOrg(this.auth, to.org, (em) =>
      createCredentialStore(this.auth).storeAuthorized(em, { ...authorizedTokens(to, generation), ...change }),
    );
  }

  generation({ org, connection }: Pick<SeededConnection, 'org' | 'connection'>): Promise<number> {
    return createCredentialStore(this.auth).currentGeneration(org, connection);
  }

  async load({ org, connection }: Pick<SeededConnection, 'org' | 'connection'>): Promise<RefreshableCredential> {
    const row = await this.store.load(org, connection);
    if (row === null) throw new Error('the credential is gone');
    return row;
  }

  claim({ org, connection }: SeededConnection, owner: string, newerThan = 1): Promise<Claim> {
    return this.store.claim({ org, connection, newerThan, owner, leaseMs: LEASE_MS });
  }

  claimDue(change: Partial<DueRequest> = {}): Promise<RefreshableCredential[]> {
    return this.store.claimDue({ owner: 'owner', leaseMs: LEASE_MS, limit: 100, rooms: [], ...change });
  }

  /** Time passes: the lease of the connection has run out, as after a crash of its holder. */
  async expireLease({ connection }: SeededConnection): Promise<void> {
    await this.database.admin.query(
      `UPDATE vault.credential SET lease_until = now() - interval '1 second' WHERE connection_id = $1`,
      [connection],
    );
  }

  async connectionRow({ connection }: SeededConnection): Promise<Record<string, unknown>> {
    const { rows } = await this.database.admin.query(
      'SELECT status, status_reason, scopes, reauthorization_asked_at FROM vault.connection WHERE id = $1',
      [connection],
    );
    return rows[0] as Record<string, unknown>;
  }

  async setStatus({ connection }: SeededConnection, status: string): Promise<void> {
    await this.database.admin.query('UPDATE vault.connection SET status = $2 WHERE id = $1', [connection, status]);
  }

  /** Ids of what waits in the outbox, in order. */
  async outbox(): Promise<string[]> {
    const { rows } = await this.database.admin.query<{ id: string }>('SELECT id FROM bus.outbox ORDER BY seq');
    return rows.map(({ id }) => id);
  }

  /** Nothing is connected, registered or told any more. */
  async clear(): Promise<void> {
    await this.database.admin.query(
      `DELETE FROM vault.connection; DELETE FROM vault.provider_app; DELETE FROM bus.outbox;
       DELETE FROM vault.refresh_pace WHERE lane <> 'claim_due'; UPDATE vault.refresh_pace SET next_at = now()`,
    );
  }

  stop(): Promise<void> {
    return this.database.stop();
  }
}

export function message(): OutgoingMessage {
  return { id: newId('msg'), subject: 'connection.refreshed.org', payload: { event: 'refreshed' } };
}
