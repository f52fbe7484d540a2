import {
  fromProblem,
  KeywardError,
  passingRefreshFailures,
  type Problem,
  type RefreshReply,
  type RefreshRequest,
} from '@keyward/contracts';
import { validMs, type Validity } from '@keyward/credentials';
import { withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

/**
 * Whoever is given a token is to have it for a while: less than this left, and it is renewed first; but not in the first half of its life,
 * or each one of those that never hold so long would be renewed whenever somebody asks.
 */
const MARGIN_MS = 60_000;
const MOST_OF_A_SHORT_LIFE = 0.5;
const TIMEOUT_MS = 20_000;
/** While the token still holds, nobody waits longer than this for a better one. */
const PATIENCE_MS = 5_000;

export interface FreshCredentialOptions {
  dataSource: DataSource;
  /** Asks token-refresher, the one service that redeems refresh tokens. */
  refresh: (provider: string, request: RefreshRequest) => Promise<RefreshReply>;
}

export interface HeldConnection {
  org: string;
  connection: string;
  provider: string;
}

/** The sealed token, and until when it holds: by the database's clock, which no other compares with. */
export interface FreshCredential extends Validity {
  generation: number;
  sealedAccess: Buffer;
  accessExpiresAt: Date | null;
}

/**
 * The sealed credential of a connection, renewed first where it is about to expire. One that holds is never withheld because a better one
 * can't be had; one that has expired is never given.
 *
 * @throws KeywardError why there is none
 */
export async function freshCredential(options: FreshCredentialOptions, held: HeldConnection): Promise<FreshCredential> {
  const credential = await readCredential(options, held);
  const leftMs = validMs(credential);
  if (leftMs > Math.min(MARGIN_MS, credential.lifetimeMs * MOST_OF_A_SHORT_LIFE)) return credential;
  if (!credential.renewable) {
    if (leftMs > 0) return credential;
    throw new KeywardError('needs_reauthorization', 'The token has expired and can not be renewed; the user must connect again.');
  }
  try {
    return await renewed(options, held, credential, leftMs > 0 ? Math.min(PATIENCE_MS, leftMs / 2) : TIMEOUT_MS);
  } catch (thrown) {
    const isPassing = thrown instanceof KeywardError && passingRefreshFailures.has(thrown.code);
    if (isPassing && validMs(credential) > 0) return credential;
    throw thrown;
  }
}

async function renewed(
  options: FreshCredentialOptions,
  held: HeldConnection,
  { generation }: FreshCredential,
  waitMs: number,
): Promise<FreshCredential> {
  const request = { org: held.org, connection: held.connection, newerThan: generation, waitMs: Math.ceil(waitMs) };
  const reply = await options.refresh(held.provider, { ...request, reason: 'expiring' });
  if (reply.outcome === 'failed') throw fromProblem(reply.error as Problem);
  const next = await readCredential(options, held);
  if (next.generation <= generation)
    throw new KeywardError('dependency_unavailable', 'A renewed credential was announced but is not there yet.');
  if (validMs(next) <= 0) throw new KeywardError('provider_error', 'The provider’s tokens expire before they can be used.');
  return next;
}

interface Row {
  generation: number;
  sealed_access: Buffer;
  renewable: boolean;
  access_expires_at: Date | null;
  access_expires_in_ms: number | null;
  lifetime_ms: number | null;
}

const READ = `
  SELECT generation, sealed_access, renewable, access_expires_at,
    date_part('epoch', access_expires_at - clock_timestamp()) * 1000 AS access_expires_in_ms,
    date_part('epoch', access_expires_at - obtained_at) * 1000 AS lifetime_ms
  FROM vault.credential WHERE connection_id = $1 AND org_id = $2`;

async function readCredential(
  { dataSource }: FreshCredentialOptions,
  { org, connection }: HeldConnection,
): Promise<FreshCredential & { renewable: boolean; lifetimeMs: number }> {
  const readAt = performance.now();
  const [row] = await withOrg(dataSource, org, (em) => em.query<Row[]>(READ, [connection, org]));
  // Only of a connection that was disconnected a moment ago.
  if (row === undefined) throw new KeywardError('revoked', 'This connection was disconnected.');
  const { generation, sealed_access: sealedAccess, renewable, access_expires_at: accessExpiresAt } = row;
  const times = { accessExpiresAt, accessExpiresInMs: row.access_expires_in_ms, lifetimeMs: row.lifetime_ms ?? Infinity, readAt };
  return { generation, sealedAccess, renewable, ...times };
}
