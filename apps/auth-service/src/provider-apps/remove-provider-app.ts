import { KeywardError } from '@keyward/contracts';
import {
  AuthorizationTransactionEntity,
  ConnectionEntity,
  DeviceAuthorizationEntity,
  ProviderAppEntity,
  withOrg,
} from '@keyward/postgres';
import { IsNull, Not, type DataSource, type EntityManager } from 'typeorm';
import { notFound } from '../identity/not-found.js';
import { recordAudit, type Actor } from '../records/record.js';

/** @throws KeywardError `not_found`, `conflict` while connections live by it or are yet to be revoked with it, `dependency_unavailable` */
export async function removeProviderApp(dataSource: DataSource, org: string, id: string, actor: Actor): Promise<void> {
  await withOrg(dataSource, org, async (em) => {
    // Locked: no connection begins to live by it meanwhile.
    const app = await em.findOne(ProviderAppEntity, { where: { id, orgId: org }, lock: { mode: 'pessimistic_write' } });
    if (app === null) throw notFound('app');
    await requireUnused(em, org, id, 'The registration can not be removed');
    await em.update(ConnectionEntity, { orgId: org, providerAppId: id }, { providerAppId: null });
    await endUnderWay(em, org, id);
    await em.delete(ProviderAppEntity, { id, orgId: org });
    await recordAudit(em, { type: 'provider_app.removed', org, actor, provider: app.provider, reason: id });
  });
}

/** Nobody who was sent away with it comes back to it. */
export async function endUnderWay(em: EntityManager, org: string, id: string): Promise<void> {
  await em.update(AuthorizationTransactionEntity, { orgId: org, providerAppId: id, usedAt: IsNull() }, { usedAt: new Date() });
  await em.delete(DeviceAuthorizationEntity, { orgId: org, providerAppId: id });
}

/** Tokens that were issued to a registration are renewed and revoked with it. @throws KeywardError `conflict` */
export async function requireUnused(em: EntityManager, org: string, id: string, what: string): Promise<void> {
  const live = await em.countBy(ConnectionEntity, { orgId: org, providerAppId: id, status: Not('revoked') });
  if (live > 0) {
    const connections = live === 1 ? 'a connection lives' : `${live} connections live`;
    throw new KeywardError('conflict', `${what}: ${connections} by it. Disconnect first.`);
  }
  if (await hasPendingRevocations(em, org, id))
    throw new KeywardError('conflict', `${what}: tokens are being revoked at the provider with it. Try again later.`);
}

async function hasPendingRevocations(em: EntityManager, org: string, app: string): Promise<boolean> {
  const [row] = await em.query<{ pending: boolean }[]>(
    `SELECT EXISTS (
       SELECT FROM vault.provider_revocation r JOIN vault.connection c ON c.id = r.connection_id
       WHERE r.org_id = $1 AND c.org_id = $1 AND c.provider_app_id = $2 AND r.state = 'pending'
     ) AS pending`,
    [org, app],
  );
  return row?.pending === true;
}
