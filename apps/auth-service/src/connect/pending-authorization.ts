import { AuthorizationTransactionEntity, ConnectSessionEntity, prepared, ProviderAppEntity, withOrg } from '@keyward/postgres';
import { IsNull, MoreThan, type DataSource } from 'typeorm';
import { sha256 } from './secrets.js';

/** An authorization request under way, and what it was made for. */
export interface PendingAuthorization {
  transaction: AuthorizationTransactionEntity;
  session: ConnectSessionEntity;
  app: ProviderAppEntity;
}

const FIND_ORG = { name: 'auth_find_transaction_org', text: 'SELECT connect.find_transaction_org($1) AS org' };

/** Of a state whose signature is right; null where no such request is known at this callback. */
export async function findPending(dataSource: DataSource, state: string, context: string): Promise<PendingAuthorization | null> {
  const stateSha256 = sha256(state);
  const [row] = await prepared<{ org: string | null }>(dataSource, FIND_ORG, [stateSha256]);
  const orgId = row?.org ?? null;
  if (orgId === null) return null;
  return withOrg(dataSource, orgId, async (em) => {
    const transaction = await em.findOneBy(AuthorizationTransactionEntity, { stateSha256, orgId });
    if (transaction === null) return null;
    const app = await em.findOneBy(ProviderAppEntity, { id: transaction.providerAppId, orgId, callbackContext: context });
    const session = await em.findOneBy(ConnectSessionEntity, { id: transaction.sessionId, orgId });
    return app === null || session === null ? null : { transaction, session, app };
  });
}

/** Of any number of callbacks with one state, exactly one is told true; that one may use the code. */
export async function consume(dataSource: DataSource, { transaction }: PendingAuthorization): Promise<boolean> {
  const { stateSha256, orgId } = transaction;
  const now = new Date();
  return withOrg(dataSource, orgId, async (em) => {
    const unused = { stateSha256, orgId, usedAt: IsNull(), expiresAt: MoreThan(now) };
    const { affected } = await em.update(AuthorizationTransactionEntity, unused, { usedAt: now });
    return affected === 1;
  });
}
