import { authorizationServerOrigins } from '@keyward/connectors';
import { asKeywardError } from '@keyward/contracts';
import type { SecretContext } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import { connectedProvider, OAuthError, pollDeviceToken, startDeviceAuthorization, type DevicePoll } from '@keyward/oauth';
import { DeviceAuthorizationEntity, withOrg, type ConnectSessionEntity, type ProviderAppEntity } from '@keyward/postgres';
import { LessThanOrEqual, type DataSource } from 'typeorm';
import { asRegistration, type AsRegistrationOptions } from '../provider-apps/as-registration.js';
import { requireUnchangedApp } from '../provider-apps/unchanged-app.js';
import type { Offer } from './offer.js';
import { advance } from './session-store.js';

export interface DeviceOptions extends AsRegistrationOptions {
  egress: Egress;
}

type RegisteredOffer = Offer & { app: ProviderAppEntity };

/** Longer than a poll takes: meanwhile nobody else polls. */
const POLL_LEASE_MS = 30_000;
/** RFC 8628 section 3.5. */
const SLOW_DOWN_SECONDS = 5;
/** A server that keeps saying `slow_down` is asked this seldom at most. */
const MAX_INTERVAL_SECONDS = 60;

/**
 * RFC 8628 section 3.1. Starting over replaces the code.
 * @returns undefined where the session has ended meanwhile
 * @throws OAuthError, KeywardError
 */
export async function startDevice(
  options: DeviceOptions,
  session: ConnectSessionEntity,
  offer: RegisteredOffer,
  parameters: Record<string, string>,
): Promise<DeviceAuthorizationEntity | undefined> {
  const { dataSource, credentials, egress } = options;
  const provider = connectedProvider(offer, parameters);
  const fetch = egress.fetchFor({ provider: provider.name, origins: authorizationServerOrigins(provider) });
  const started = await asRegistration(options, offer.app, 'device_code', (client) =>
    startDeviceAuthorization({ provider, client, scopes: session.scopes }, { fetch }),
  );
  const { orgId } = session;
  const row: DeviceAuthorizationEntity = {
    sessionId: session.id,
    orgId,
    providerAppId: offer.app.id,
    sealedDeviceCode: await credentials.sealSecret(deviceCodeContext(orgId, session.id), started.deviceCode),
    userCode: started.userCode,
    verificationUri: started.verificationUri,
    verificationUriComplete: started.verificationUriComplete ?? null,
    parameters,
    intervalSeconds: started.intervalSeconds,
    nextPollAt: after(started.intervalSeconds),
    expiresAt: started.expiresAt,
  };
  return withOrg(dataSource, orgId, async (em) => {
    await requireUnchangedApp(em, offer.app);
    if (!(await advance(em, session, { state: 'redirected' }))) return undefined;
    await em.upsert(DeviceAuthorizationEntity, row, ['sessionId']);
    return row;
  });
}

export function findDevice(
  dataSource: DataSource,
  { id, orgId }: ConnectSessionEntity,
): Promise<DeviceAuthorizationEntity | null> {
  return withOrg(dataSource, orgId, (em) => em.findOneBy(DeviceAuthorizationEntity, { sessionId: id, orgId }));
}

export async function forgetDevice(dataSource: DataSource, { id, orgId }: ConnectSessionEntity): Promise<void> {
  await withOrg(dataSource, orgId, (em) => em.delete(DeviceAuthorizationEntity, { sessionId: id, orgId }));
}

/**
 * Asks once whether the person has decided, if it is time to, whoever of any number of requests and replicas comes first.
 * @returns undefined where it is not time yet
 * @throws OAuthError where the server gives an answer that ends it; KeywardError
 */
export async function pollDevice(
  options: DeviceOptions,
  device: DeviceAuthorizationEntity,
  offer: RegisteredOffer,
): Promise<DevicePoll | undefined> {
  const { dataSource, credentials, egress } = options;
  const { sessionId, orgId } = device;
  const now = new Date();
  const key = { sessionId, orgId };
  const claimed = await withOrg(dataSource, orgId, async (em) => {
    const due = { ...key, nextPollAt: LessThanOrEqual(now) };
    const { affected } = await em.update(DeviceAuthorizationEntity, due, { nextPollAt: new Date(now.getTime() + POLL_LEASE_MS) });
    return affected === 1;
  });
  if (!claimed) return undefined;
  const provider = connectedProvider(offer, device.parameters);
  const fetch = egress.fetchFor({ provider: provider.name, origins: authorizationServerOrigins(provider) });
  const result = await asRegistration(options, offer.app, 'token_for_grant', (client) =>
    credentials.openSecret(deviceCodeContext(orgId, sessionId), device.sealedDeviceCode, (deviceCode) =>
      pollDeviceToken({ provider, client, deviceCode }, { fetch }),
    ),
  ).catch(asPatience);
  if (result.kind === 'pending' || result.kind === 'slow_down') {
    const slower = result.kind === 'slow_down' ? SLOW_DOWN_SECONDS : 0;
    const intervalSeconds = Math.min(device.intervalSeconds + slower, Math.max(device.intervalSeconds, MAX_INTERVAL_SECONDS));
    await withOrg(dataSource, orgId, (em) =>
      em.update(DeviceAuthorizationEntity, key, { intervalSeconds, nextPollAt: after(intervalSeconds) }),
    );
  }
  return result;
}

/** RFC 8628 section 3.5: a server that is away is asked again, more slowly. */
function asPatience(thrown: unknown): DevicePoll {
  const error = asKeywardError(thrown);
  if (error instanceof OAuthError && error.failure === 'transient') return { kind: 'slow_down' };
  throw error;
}

function deviceCodeContext(org: string, session: string): SecretContext {
  return { org, record: session, field: 'device_code', generation: 1 };
}

function after(seconds: number): Date {
  return new Date(Date.now() + seconds * 1000);
}
