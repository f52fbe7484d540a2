import type { DatabaseSync } from 'node:sqlite';
import type { AdapterPayload } from 'oidc-provider';
import { AccessTokens } from './access-tokens.js';

export interface GrantSummary {
  grant: string;
  user: string;
  client: string;
  scopes: string[];
  /** How often the refresh token of this grant has been rotated: the provider's own idea of the generation, counted from 0. */
  rotations: number;
}

/** What the API takes: a person's token, or a client's own (RFC 6749 section 4.4). */
const TOKENS: ReadonlySet<string> = new Set(['AccessToken', 'ClientCredentials']);

const seconds = () => Math.floor(Date.now() / 1000);

/** Everything oidc-provider keeps (clients, sessions, grants, codes, tokens), one row each, in one table. */
export class OAuthRecords {
  readonly accessTokens = new AccessTokens();
  readonly #database: DatabaseSync;
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareStatements(database);
    for (const kind of TOKENS) {
      for (const row of this.#statements.live.all(kind, seconds())) {
        this.#admitAccessToken(String(row['id']), JSON.parse(String(row['payload'])));
      }
    }
  }

  find(kind: string, id: string): AdapterPayload | undefined {
    return payloadOf(this.#statements.find.get(kind, id));
  }

  findByUid(kind: string, uid: string): AdapterPayload | undefined {
    return payloadOf(this.#statements.findByUid.get(kind, uid));
  }

  findByUserCode(kind: string, userCode: string): AdapterPayload | undefined {
    return payloadOf(this.#statements.findByUserCode.get(kind, userCode));
  }

  upsert(kind: string, id: string, payload: AdapterPayload, ttlSeconds: number | undefined): void {
    const expiresAt = ttlSeconds === undefined ? null : seconds() + ttlSeconds;
    this.#statements.upsert.run(kind, id, payload.grantId ?? null, payload.uid ?? null, JSON.stringify(payload), expiresAt);
    if (TOKENS.has(kind)) this.#admitAccessToken(id, payload);
  }

  /** @returns false when someone else was first: the check and the mark are one statement, so two redemptions can't both win. */
  consume(kind: string, id: string): boolean {
    const now = seconds();
    return this.#statements.consume.run(now, now, kind, id).changes === 1;
  }

  destroy(kind: string, id: string): void {
    this.#statements.destroy.run(kind, id);
    if (TOKENS.has(kind)) this.accessTokens.remove(id);
  }

  /** Ends one kind of token of a grant, as oidc-provider asks kind by kind. */
  destroyOfGrant(kind: string, grant: string): void {
    this.#statements.destroyOfGrant.run(kind, grant);
    if (kind === 'AccessToken') this.accessTokens.removeGrant(grant);
  }

  /** Ends a whole family: the grant and every code and token that came from it. */
  revokeGrant(grant: string): void {
    this.#statements.destroyFamily.run(grant);
    this.#statements.destroy.run('Grant', grant);
    this.accessTokens.removeGrant(grant);
  }

  /** @param user undefined for everybody's. @returns how many tokens ended. */
  expireAccessTokens(user: string | undefined): number {
    let ended = 0;
    for (const kind of TOKENS) {
      for (const row of this.#statements.live.all(kind, seconds())) {
        const id = String(row['id']);
        if (user !== undefined && payloadOf(row)?.accountId !== user) continue;
        this.destroy(kind, id);
        ended++;
      }
    }
    return ended;
  }

  grants(): GrantSummary[] {
    return this.#statements.grants.all(seconds()).map((row) => ({
      grant: String(row['id']),
      user: String(row['user']),
      client: String(row['client']),
      scopes: String(row['scope'] ?? '')
        .split(' ')
        .filter((scope) => scope !== ''),
      rotations: Number(row['rotations']),
    }));
  }

  purgeExpired(): void {
    this.#statements.purge.run(seconds());
    this.accessTokens.removeExpired();
  }

  close(): void {
    this.#database.close();
  }

  #admitAccessToken(id: string, payload: AdapterPayload): void {
    const { accountId, clientId, grantId, scope, exp, aud } = payload;
    if (clientId === undefined || exp === undefined) return;
    // A family revoked while this token was being made must not gain a member. A client's own token is of no family.
    if (grantId !== undefined && this.find('Grant', grantId) === undefined) return;
    const scopes = new Set(scope?.split(' ') ?? []);
    const audience = typeof aud === 'string' ? aud : undefined;
    // Who acts for nobody is a user of its own, with notes of its own.
    const user = accountId ?? clientId;
    this.accessTokens.put(id, { user, client: clientId, scopes, grant: grantId, audience, expiresAtMs: exp * 1000 });
  }
}

function payloadOf(row: Record<string, unknown> | undefined): AdapterPayload | undefined {
  return row === undefined ? undefined : JSON.parse(String(row['payload']));
}

function prepareStatements(database: DatabaseSync) {
  return {
    find: database.prepare('SELECT payload FROM oauth_record WHERE kind = ? AND id = ?'),
    findByUid: database.prepare('SELECT payload FROM oauth_record WHERE kind = ? AND uid = ?'),
    findByUserCode: database.prepare("SELECT payload FROM oauth_record WHERE kind = ? AND payload ->> '$.userCode' = ?"),
    live: database.prepare('SELECT id, payload FROM oauth_record WHERE kind = ? AND expires_at > ?'),
    upsert: database.prepare(
      `INSERT INTO oauth_record (kind, id, grant_id, uid, payload, expires_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (kind, id) DO UPDATE SET grant_id = excluded.grant_id, uid = excluded.uid, payload = excluded.payload,
         expires_at = excluded.expires_at`,
    ),
    consume: database.prepare(
      `UPDATE oauth_record SET consumed_at = ?, payload = json_set(payload, '$.consumed', ?)
       WHERE kind = ? AND id = ? AND consumed_at IS NULL`,
    ),
    destroy: database.prepare('DELETE FROM oauth_record WHERE kind = ? AND id = ?'),
    destroyOfGrant: database.prepare('DELETE FROM oauth_record WHERE kind = ? AND grant_id = ?'),
    destroyFamily: database.prepare('DELETE FROM oauth_record WHERE grant_id = ?'),
    grants: database.prepare(
      `SELECT g.id, g.payload ->> '$.accountId' AS user, g.payload ->> '$.clientId' AS client,
              g.payload ->> '$.openid.scope' AS scope,
              coalesce((SELECT max(t.payload ->> '$.rotations') FROM oauth_record t
                        WHERE t.grant_id = g.id AND t.kind = 'RefreshToken'), 0) AS rotations
       FROM oauth_record g WHERE g.kind = 'Grant' AND (g.expires_at IS NULL OR g.expires_at > ?) ORDER BY g.id`,
    ),
    purge: database.prepare('DELETE FROM oauth_record WHERE expires_at <= ?'),
  };
}
