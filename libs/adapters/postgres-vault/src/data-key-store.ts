import { newId } from '@keyward/contracts';
import { prepared, withOrg } from '@keyward/postgres';
import {
  shredded,
  type DataKeyRecord,
  type DataKeyState,
  type DataKeyStore,
  type NewDataKey,
  type WrappedKey,
} from '@keyward/vault';
import type { DataSource, EntityManager } from 'typeorm';
import { changed, rows } from './sql.js';

interface DataKeyRow {
  id: string;
  wrapped: Buffer;
  kms_key_id: string;
  state: DataKeyState;
  created_at: Date;
}

const COLUMNS = 'id, wrapped, kms_key_id, state, created_at';
const FIND = { name: 'vault.find_data_key', text: `SELECT ${COLUMNS} FROM vault.find_data_key($1, $2)` };
const ORGANIZATIONS = {
  name: 'vault.organizations',
  text: 'SELECT id FROM identity.organization WHERE $1::text IS NULL OR id > $1 ORDER BY id LIMIT $2',
};

/** Making a key and destroying all of them exclude each other, so that no key is made for an organization while it is shredded. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('vault.data_key/' || $1::text, 0))`;

/**
 * Data keys in `vault.data_key`. What a method needs is what the role must have: `byId` the function find_data_key (every service that
 * opens), the others rights on the table (services that seal), `organizations` a right on identity.organization (auth-service).
 */
class PostgresDataKeyStore implements DataKeyStore {
  readonly #ds: DataSource;

  constructor(dataSource: DataSource) {
    this.#ds = dataSource;
  }

  async byId(org: string, id: string): Promise<DataKeyRecord | null> {
    return first(org, await prepared<DataKeyRow>(this.#ds, FIND, [org, id]));
  }

  active(org: string): Promise<DataKeyRecord | null> {
    return withOrg(this.#ds, org, (em) => findActive(em, org));
  }

  insertActive(key: NewDataKey): Promise<DataKeyRecord> {
    return withOrg(this.#ds, key.org, async (em) => {
      await em.query(LOCK, [key.org]);
      await em.query(
        `INSERT INTO vault.data_key (id, org_id, wrapped, kms_key_id, state, created_at)
         SELECT $1, $2, $3, $4, 'active', $5
         WHERE NOT EXISTS (SELECT FROM vault.data_key WHERE org_id = $2 AND state = 'destroyed')
         ON CONFLICT (org_id) WHERE state = 'active' DO NOTHING`,
        [key.id, key.org, key.wrapped, key.kmsKeyId, key.createdAt],
      );
      const winner = await findActive(em, key.org);
      if (winner === null) throw shredded(key.org);
      return winner;
    });
  }

  reserveMessages(org: string, id: string, count: number, limit: number): Promise<boolean> {
    return withOrg(this.#ds, org, (em) =>
      changed(
        em,
        `UPDATE vault.data_key SET reserved_messages = reserved_messages + $3
         WHERE org_id = $1 AND id = $2 AND state = 'active' AND reserved_messages + $3 <= $4`,
        [org, id, count, limit],
      ),
    );
  }

  async retire(org: string, id: string): Promise<void> {
    await withOrg(this.#ds, org, (em) =>
      em.query(
        `UPDATE vault.data_key SET state = 'decrypt_only', retired_at = now() WHERE org_id = $1 AND id = $2 AND state = 'active'`,
        [org, id],
      ),
    );
  }

  undestroyed(org: string): Promise<DataKeyRecord[]> {
    return withOrg(this.#ds, org, async (em) => {
      const found = await rows<DataKeyRow>(
        em,
        `SELECT ${COLUMNS} FROM vault.data_key WHERE org_id = $1 AND state <> 'destroyed' ORDER BY id`,
        [org],
      );
      return found.map((row) => toRecord(org, row));
    });
  }

  replaceWrapped(org: string, id: string, expected: Buffer, next: WrappedKey): Promise<boolean> {
    return withOrg(this.#ds, org, (em) =>
      changed(
        em,
        `UPDATE vault.data_key SET wrapped = $4, kms_key_id = $5
         WHERE org_id = $1 AND id = $2 AND wrapped = $3 AND state <> 'destroyed'`,
        [org, id, expected, next.wrapped, next.kmsKeyId],
      ),
    );
  }

  destroyAll(org: string): Promise<number> {
    return withOrg(this.#ds, org, async (em) => {
      await em.query(LOCK, [org]);
      const destroyed = await rows(
        em,
        `UPDATE vault.data_key SET wrapped = '', state = 'destroyed', retired_at = coalesce(retired_at, now())
         WHERE org_id = $1 AND state <> 'destroyed' RETURNING id`,
        [org],
      );
      // Of an organization that never had a key, this one says that it gets none.
      await em.query(
        `INSERT INTO vault.data_key (id, org_id, wrapped, kms_key_id, state, retired_at)
         SELECT $2, $1, '', '', 'destroyed', now() WHERE NOT EXISTS (SELECT FROM vault.data_key WHERE org_id = $1)`,
        [org, newId('dek')],
      );
      return destroyed.length;
    });
  }

  async organizations(after: string | null, limit: number): Promise<string[]> {
    return (await prepared<{ id: string }>(this.#ds, ORGANIZATIONS, [after, limit])).map((row) => row.id);
  }
}

async function findActive(em: EntityManager, org: string): Promise<DataKeyRecord | null> {
  const query = `SELECT ${COLUMNS} FROM vault.data_key WHERE org_id = $1 AND state = 'active'`;
  return first(org, await rows<DataKeyRow>(em, query, [org]));
}

function first(org: string, [row]: DataKeyRow[]): DataKeyRecord | null {
  return row === undefined ? null : toRecord(org, row);
}

function toRecord(org: string, row: DataKeyRow): DataKeyRecord {
  const { id, wrapped, kms_key_id: kmsKeyId, state, created_at: createdAt } = row;
  return { id, org, wrapped, kmsKeyId, state, createdAt };
}

export function createDataKeyStore(dataSource: DataSource): DataKeyStore {
  return new PostgresDataKeyStore(dataSource);
}
