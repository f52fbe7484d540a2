import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

export interface NewApiKey {
  id: string;
  /** Shown once; only its hash is kept. */
  key: string;
  user: string;
}

/** Keys that people make by hand at a provider, and paste elsewhere. They do not expire. */
export class ApiKeys {
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#statements = {
      insert: database.prepare('INSERT INTO api_key (id, hash, user) VALUES (?, ?, ?)'),
      find: database.prepare('SELECT user FROM api_key WHERE hash = ?'),
      delete: database.prepare('DELETE FROM api_key WHERE id = ?'),
    };
  }

  create(user: string): NewApiKey {
    const made = { id: `key_${randomUUID()}`, key: `sbx_${randomBytes(24).toString('base64url')}`, user };
    this.#statements.insert.run(made.id, hashOf(made.key), user);
    return made;
  }

  /** @returns whose it is; undefined for a key that is unknown or revoked */
  find(key: string): string | undefined {
    const row = this.#statements.find.get(hashOf(key));
    return row === undefined ? undefined : String(row['user']);
  }

  revoke(id: string): boolean {
    return this.#statements.delete.run(id).changes === 1;
  }
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
