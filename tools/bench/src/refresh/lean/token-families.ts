import { createHash, randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';

const SCHEMA = `
CREATE TABLE family (id INTEGER PRIMARY KEY, scope TEXT NOT NULL, revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE refresh_token (hash BLOB PRIMARY KEY, family INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE access_token (hash BLOB PRIMARY KEY, family INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
`;

export interface FamilyTokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  scope: string;
}

/**
 * Token families in an SQLite file: only hashes are kept, every redemption is a transaction, a refresh token is good once, and one
 * that comes a second time ends its family (RFC 9700 section 4.14.2).
 */
export class TokenFamilies {
  reuseDetections = 0;
  readonly #database: DatabaseSync;
  readonly #statements;

  constructor(
    file: string,
    private readonly ttlSeconds: number,
  ) {
    this.#database = new DatabaseSync(file);
    // As the sandbox: what a killed process has answered is not lost.
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    this.#database.exec(SCHEMA);
    this.#statements = {
      newFamily: this.#database.prepare('INSERT INTO family (scope) VALUES (?)'),
      find: this.#database.prepare(
        'SELECT t.family, t.used, f.scope, f.revoked FROM refresh_token t JOIN family f ON f.id = t.family WHERE t.hash = ?',
      ),
      use: this.#database.prepare('UPDATE refresh_token SET used = 1 WHERE hash = ? AND used = 0'),
      revoke: this.#database.prepare('UPDATE family SET revoked = 1 WHERE id = ?'),
      addRefresh: this.#database.prepare('INSERT INTO refresh_token (hash, family) VALUES (?, ?)'),
      addAccess: this.#database.prepare('INSERT INTO access_token (hash, family, expires_at) VALUES (?, ?, ?)'),
    };
  }

  /** As if so many people had consented. */
  issue(count: number, scope: string): FamilyTokens[] {
    return this.#transaction(() =>
      Array.from({ length: count }, () => this.#tokens(Number(this.#statements.newFamily.run(scope).lastInsertRowid), scope)),
    );
  }

  /** @returns undefined for a token that is unknown, used, or of a family that has ended (`invalid_grant`) */
  redeem(refreshToken: string): FamilyTokens | undefined {
    return this.#transaction(() => {
      const hash = hashOf(refreshToken);
      const found = this.#statements.find.get(hash);
      if (found === undefined || found['revoked'] === 1) return undefined;
      const family = Number(found['family']);
      if (this.#statements.use.run(hash).changes === 1) return this.#tokens(family, String(found['scope']));
      this.reuseDetections++;
      this.#statements.revoke.run(family);
      return undefined;
    });
  }

  close(): void {
    this.#database.close();
  }

  #tokens(family: number, scope: string): FamilyTokens {
    const [access, refresh] = [newToken(), newToken()];
    this.#statements.addAccess.run(hashOf(access), family, Math.floor(Date.now() / 1000) + this.ttlSeconds);
    this.#statements.addRefresh.run(hashOf(refresh), family);
    return { access_token: access, refresh_token: refresh, expires_in: this.ttlSeconds, scope };
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

const newToken = () => randomBytes(32).toString('base64url');
const hashOf = (token: string) => createHash('sha256').update(token).digest();
