import { newId, subjects, type ProviderAppEvent, type ProviderAppEventName } from '@keyward/contracts';
import { OAuthError } from '@keyward/oauth';
import { enqueueAll, ProviderAppEntity } from '@keyward/postgres';
import { IsNull, type EntityManager } from 'typeorm';
import { auditMessage, type Actor } from '../records/record.js';
import type { Question } from './as-registration.js';

/** A registration, as it was when a provider was asked with it. */
export type UsedApp = Pick<ProviderAppEntity, 'id' | 'orgId' | 'provider' | 'generation'>;

/**
 * Whether it is our registration that the provider does not take, as it says itself (RFC 6749 section 5.2). A bare 401 does not say so: a
 * person can bring one about, with a code or a token that is not theirs; at some servers, `unauthorized_client` too.
 */
export function isRejection(thrown: unknown, question: Question): thrown is OAuthError {
  if (!(thrown instanceof OAuthError)) return false;
  const { oauthError } = thrown;
  return oauthError === 'invalid_client' || (oauthError === 'unauthorized_client' && question !== 'token_for_grant');
}

/** Its connections wait from now on. One that is marked stays as it is: who asks once more does not put off when it is tried again. */
export async function markRejected(em: EntityManager, app: UsedApp, reason: string, actor: Actor): Promise<void> {
  // Of this generation: what has replaced it meanwhile is not what was asked with.
  const accepted = { id: app.id, orgId: app.orgId, generation: app.generation, rejectedAt: IsNull() };
  const { affected } = await em.update(ProviderAppEntity, accepted, {
    rejectedAt: () => 'clock_timestamp()',
    rejectedReason: reason,
    rejectedRetryAt: () => `clock_timestamp() + interval '30 s'`,
    rejections: 1,
  });
  if (affected === 1) await announce(em, 'rejected', app, actor, reason);
}

/** Its connections go on. Nothing happens where it is accepted already, or was replaced meanwhile. */
export async function markAccepted(em: EntityManager, { id, orgId, generation }: UsedApp, actor: Actor): Promise<void> {
  const lock = { mode: 'for_no_key_update' as const };
  const app = await em.findOne(ProviderAppEntity, { where: { id, orgId, generation }, lock });
  if (app !== null) await clearRejection(em, app, actor);
}

/** @param app locked in this transaction */
export async function clearRejection(em: EntityManager, app: ProviderAppEntity, actor: Actor): Promise<void> {
  const { id, orgId, rejectedAt } = app;
  if (rejectedAt === null) return;
  await em.query(WAKE, [orgId, id]);
  await em.update(ProviderAppEntity, { id, orgId }, NOT_REJECTED);
  await announce(em, 'accepted', app, actor);
}

/** The columns of a registration that nobody rejects. */
export const NOT_REJECTED = { rejectedAt: null, rejectedReason: null, rejectedRetryAt: null, rejections: 0 };

/**
 * Those that wait are told from those that sleep, which would have been refreshed by now as well: they are put off no further than the
 * registration, or have failed. Who holds one meanwhile is refreshing it.
 */
const WAKE = `
WITH waiting AS MATERIALIZED (
  SELECT k.connection_id FROM vault.connection c
  JOIN vault.credential k ON k.connection_id = c.id AND k.org_id = c.org_id
  JOIN vault.provider_app a ON a.id = c.provider_app_id AND a.org_id = c.org_id
  WHERE c.org_id = $1 AND a.id = $2 AND c.status = 'active' AND k.renewable
    AND k.awake_refresh_at <= clock_timestamp() AND k.refresh_at > clock_timestamp()
    AND (k.failures > 0 OR k.refresh_at <= a.rejected_retry_at + interval '2 minutes')
  FOR UPDATE OF k SKIP LOCKED
)
UPDATE vault.credential k
SET refresh_at = least(k.refresh_at, clock_timestamp() + random() * interval '1 minute'), failures = 0
FROM waiting WHERE k.connection_id = waiting.connection_id`;

async function announce(
  em: EntityManager,
  name: ProviderAppEventName,
  { id: providerApp, orgId: org, provider }: UsedApp,
  actor: Actor,
  reason?: string,
): Promise<void> {
  const said = reason === undefined ? {} : { reason };
  const at = new Date().toISOString();
  const event: ProviderAppEvent = { id: newId('msg'), event: name, at, org, providerApp, provider, ...said };
  await enqueueAll(em, [
    { id: event.id, subject: subjects.providerAppEvent(name, org), payload: event },
    auditMessage({ type: `provider_app.${name}`, org, actor, provider, ...said }),
  ]);
}
