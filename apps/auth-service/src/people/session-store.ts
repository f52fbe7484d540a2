import { asDatabaseError, PersonSessionEntity } from '@keyward/postgres';
import { IsNull, LessThan, MoreThan, type DataSource } from 'typeorm';
import { asConflict } from '../identity/unique.js';
import { isSecret, randomSecret, sha256 } from '../connect/secrets.js';

/** Who somebody is, in the words of the identity provider. */
export interface Person {
  issuer: string;
  subject: string;
  /** Lower case; null where the provider does not say that it is verified. */
  email: string | null;
  preferredUsername: string | null;
}

export type SessionKind = PersonSessionEntity['kind'];

const HOUR_MS = 3_600_000;
/** A working day at a browser; a month at a command line, whose token can be revoked. */
const LIFETIME_MS: Record<SessionKind, number> = { browser: 12 * HOUR_MS, cli: 30 * 24 * HOUR_MS };
const CLI_PREFIX = 'kwp_';

/** Sign-ins that are valid, by the SHA-256 of what the browser or the command line holds. */
export class SessionStore {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * A secret that never was one before: nobody can have planted it (session fixation).
   * @throws KeywardError `conflict` where the secret given was used already, `dependency_unavailable`
   */
  async begin(kind: SessionKind, person: Person, secret = randomSecret()): Promise<{ token: string; expiresAt: Date }> {
    const expiresAt = new Date(Date.now() + LIFETIME_MS[kind]);
    const row = { secretSha256: sha256(secret), kind, ...person, createdAt: new Date(), expiresAt, revokedAt: null };
    await this.dataSource.manager.insert(PersonSessionEntity, row).catch(asConflict('This works once.')).catch(rethrow);
    return { token: kind === 'cli' ? CLI_PREFIX + secret : secret, expiresAt };
  }

  /** @throws KeywardError `dependency_unavailable` */
  async find(kind: SessionKind, token: string): Promise<Person | undefined> {
    const where = alive(kind, token);
    if (where === undefined) return undefined;
    const row = await this.dataSource.manager.findOneBy(PersonSessionEntity, where).catch(rethrow);
    if (row === null) return undefined;
    const { issuer, subject, email, preferredUsername } = row;
    return { issuer, subject, email, preferredUsername };
  }

  /** Rows that are of no use any more. */
  async purge(before: Date): Promise<void> {
    await this.dataSource.manager.delete(PersonSessionEntity, { expiresAt: LessThan(before) }).catch(rethrow);
  }

  /** Ends it at once, on every replica: nothing of it is cached here. */
  async revoke(kind: SessionKind, token: string): Promise<void> {
    const where = alive(kind, token);
    if (where === undefined) return;
    await this.dataSource.manager.update(PersonSessionEntity, where, { revokedAt: new Date() }).catch(rethrow);
  }
}

function alive(kind: SessionKind, token: string) {
  const secret = kind === 'cli' ? token.slice(CLI_PREFIX.length) : token;
  if (!isSecret(secret) || isCliToken(token) !== (kind === 'cli')) return undefined;
  return { secretSha256: sha256(secret), kind, expiresAt: MoreThan(new Date()), revokedAt: IsNull() };
}

export function isCliToken(token: string): boolean {
  return token.startsWith(CLI_PREFIX) && token.length === CLI_PREFIX.length + 43;
}

function rethrow(thrown: unknown): never {
  throw asDatabaseError(thrown);
}
