import { createHash, randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

export interface Note {
  id: string;
  title: string;
  body: string;
  /** RFC 3339 UTC. */
  createdAt: string;
}

export interface NewNote {
  title: string;
  body: string;
}

export type Creation = { outcome: 'created' | 'replayed'; note: Note } | { outcome: 'conflict' };

/** The notes of each user. Newest first; a cursor is the sequence number of the last note seen. */
export class Notes {
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#statements = {
      list: database.prepare('SELECT * FROM note WHERE user = ? AND seq < ? ORDER BY seq DESC LIMIT ?'),
      get: database.prepare('SELECT * FROM note WHERE user = ? AND id = ?'),
      insert: database.prepare('INSERT INTO note (id, user, title, body, created_at) VALUES (?, ?, ?, ?, ?)'),
      delete: database.prepare('DELETE FROM note WHERE user = ? AND id = ?'),
      findKey: database.prepare('SELECT request_hash, note FROM idempotency WHERE user = ? AND key = ?'),
      insertKey: database.prepare('INSERT INTO idempotency (user, key, request_hash, note) VALUES (?, ?, ?, ?)'),
    };
  }

  list(user: string, limit: number, before: number | undefined): { notes: Note[]; next: number | undefined } {
    const rows = this.#statements.list.all(user, before ?? Number.MAX_SAFE_INTEGER, limit + 1);
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return { notes: page.map(noteOf), next: rows.length > limit && last !== undefined ? Number(last['seq']) : undefined };
  }

  get(user: string, id: string): Note | undefined {
    const row = this.#statements.get.get(user, id);
    return row === undefined ? undefined : noteOf(row);
  }

  /** With an idempotency key, the same request again gives the same note, and another request under that key is a conflict. */
  create(user: string, content: NewNote, idempotencyKey: string | undefined): Creation {
    const hash = createHash('sha256')
      .update(JSON.stringify([content.title, content.body]))
      .digest('hex');
    const seen = idempotencyKey === undefined ? undefined : this.#statements.findKey.get(user, idempotencyKey);
    if (seen !== undefined) {
      return seen['request_hash'] === hash
        ? { outcome: 'replayed', note: JSON.parse(String(seen['note'])) }
        : { outcome: 'conflict' };
    }
    const note: Note = { id: `note_${randomUUID()}`, ...content, createdAt: new Date().toISOString() };
    this.#statements.insert.run(note.id, user, note.title, note.body, note.createdAt);
    if (idempotencyKey !== undefined) this.#statements.insertKey.run(user, idempotencyKey, hash, JSON.stringify(note));
    return { outcome: 'created', note };
  }

  delete(user: string, id: string): boolean {
    return this.#statements.delete.run(user, id).changes === 1;
  }
}

function noteOf(row: Record<string, unknown>): Note {
  return {
    id: String(row['id']),
    title: String(row['title']),
    body: String(row['body']),
    createdAt: String(row['created_at']),
  };
}
