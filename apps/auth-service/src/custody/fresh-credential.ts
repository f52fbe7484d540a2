import {
  fromProblem,
  KeywardError,
  passingRefreshFailures,
  type Problem,
  type RefreshReply,
  type RefreshRequest,
} from '@keyward/contracts';
import { CredentialEntity, withOrg } from '@keyward/postgres';
import type { DataSource } from 'typeorm';

/** Whoever is given a token is to have it for a while: less than this left, and it is renewed first. */
const MARGIN_MS = 60_000;
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

/** The sealed credential of a connection, renewed first where it is about to expire. @throws KeywardError why there is none */
export async function freshCredential(options: FreshCredentialOptions, held: HeldConnection): Promise<CredentialEntity> {
  const credential = await readCredential(options, held);
  const validMs = msLeft(credential);
  if (validMs > MARGIN_MS) return credential;
  if (!credential.renewable) {
    if (validMs > 0) return credential;
    throw new KeywardError('needs_reauthorization', 'The token has expired and can not be renewed; the user must connect again.');
  }
  try {
    const waitMs = validMs > 0 ? PATIENCE_MS : TIMEOUT_MS;
    const request = { org: held.org, connection: held.connection, newerThan: credential.generation, waitMs };
    const reply = await options.refresh(held.provider, { ...request, reason: 'expiring' });
    if (reply.outcome === 'failed') throw fromProblem(reply.error as Problem);
  } catch (thrown) {
    if (msLeft(credential) > 0 && thrown instanceof KeywardError && passingRefreshFailures.has(thrown.code)) return credential;
    throw thrown;
  }
  const renewed = await readCredential(options, held);
  if (renewed.generation > credential.generation) return renewed;
  throw new KeywardError('dependency_unavailable', 'A renewed credential was announced but is not there yet.');
}

async function readCredential({ dataSource }: FreshCredentialOptions, held: HeldConnection): Promise<CredentialEntity> {
  const row = await withOrg(dataSource, held.org, (em) =>
    em.findOneBy(CredentialEntity, { connectionId: held.connection, orgId: held.org }),
  );
  // Only of a connection that was disconnected a moment ago.
  if (row === null) throw new KeywardError('revoked', 'This connection was disconnected.');
  return row;
}

function msLeft({ accessExpiresAt }: CredentialEntity): number {
  return accessExpiresAt === null ? Infinity : accessExpiresAt.getTime() - Date.now();
}
