import { DatabaseSync } from 'node:sqlite';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS oauth_record (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  grant_id TEXT,
  uid TEXT,
  payload TEXT NOT NULL,
  /* Unix seconds; NULL never expires. */
  expires_at INTEGER,
  consumed_at INTEGER,
  PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS oauth_record_grant ON oauth_record (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS oauth_record_uid ON oauth_record (uid) WHERE uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS oauth_record_expiry ON oauth_record (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS note (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS note_user ON note (user, seq);
/* Kept apart from the note: a replay after the note's deletion must still not create a second one. */
CREATE TABLE IF NOT EXISTS idempotency (
  user TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (user, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS api_key (id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, user TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

/** @param file undefined for a database in memory, which is gone with the process. */
export function openDatabase(file: string | undefined): DatabaseSync {
  const database = new DatabaseSync(file ?? ':memory:');
  // A killed process loses nothing in WAL mode; only a crashed machine may lose the last moments, which a sandbox can afford.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;');
  database.exec(SCHEMA);
  return database;
}

/** A value made once and then kept, such as a signing key. */
export async function keptSetting(database: DatabaseSync, name: string, create: () => Promise<string>): Promise<string> {
  const row = database.prepare('SELECT value FROM setting WHERE name = ?').get(name);
  if (row !== undefined) return String(row['value']);
  const value = await create();
  database.prepare('INSERT INTO setting (name, value) VALUES (?, ?)').run(name, value);
  return value;
}
