import { hasAuth, type ProviderManifest, type ProviderWith } from '@keyward/connectors';
import { KeywardError } from '@keyward/contracts';
import { malformed } from '../classify.js';
import { OAuthError } from '../errors.js';
import { secureUrl } from '../server.js';
import type { TokenSet } from '../token-set.js';
import type { OAuthClient, Wire } from '../wire.js';
import { deviceRequest, tokenGrant } from './token-grant.js';

export interface DeviceAuthorization {
  /** Secret: whoever has it gets the token. Seal it. */
  deviceCode: string;
  /** For the person to type in at `verificationUri`. */
  userCode: string;
  verificationUri: string;
  /** With the code in it, where the server gives that. */
  verificationUriComplete?: string;
  expiresAt: Date;
  /** At least so long between two polls; 5 more after each `slow_down` (RFC 8628 section 3.5). */
  intervalSeconds: number;
}

export type DevicePoll = { kind: 'pending' | 'slow_down' | 'declined' | 'expired' } | { kind: 'granted'; tokens: TokenSet };

export interface DeviceRequest {
  /** Resolved. */
  provider: ProviderManifest;
  client: OAuthClient;
}

/** RFC 8628 section 3.2: where the server names none. */
const DEFAULT_INTERVAL_SECONDS = 5;
const MAX_INTERVAL_SECONDS = 60;
const MAX_LIFETIME_SECONDS = 1800;

/**
 * RFC 8628 section 3.1.
 * @throws OAuthError; KeywardError `invalid_request` for a provider of another kind
 */
export async function startDeviceAuthorization(
  { provider, client, scopes }: DeviceRequest & { scopes: readonly string[] },
  wire: Wire,
): Promise<DeviceAuthorization> {
  const device = deviceProvider(provider);
  const sentAt = wire.now?.() ?? new Date();
  const answer = await deviceRequest({ provider: device, client, scopes }, wire);
  const { device_code: deviceCode, user_code: userCode, verification_uri_complete: complete } = answer;
  // Early servers say verification_url.
  const verification = answer['verification_uri'] ?? answer['verification_url'];
  if (!isText(deviceCode, 4096) || !isText(userCode, 100) || !isText(verification, 2048)) {
    throw malformed(provider, 'no usable device code', 200);
  }
  const lifetime = between(answer['expires_in'], 1, MAX_LIFETIME_SECONDS);
  if (lifetime === undefined) throw malformed(provider, 'a device code without a lifetime', 200);
  return {
    deviceCode,
    userCode,
    verificationUri: personUrl(provider, verification),
    ...(isText(complete, 2048) ? { verificationUriComplete: personUrl(provider, complete) } : {}),
    expiresAt: new Date(sentAt.getTime() + lifetime * 1000),
    intervalSeconds: between(answer['interval'], 1, MAX_INTERVAL_SECONDS) ?? DEFAULT_INTERVAL_SECONDS,
  };
}

const WAITING: Readonly<Record<string, 'pending' | 'slow_down' | 'declined' | 'expired'>> = {
  authorization_pending: 'pending',
  slow_down: 'slow_down',
  access_denied: 'declined',
  expired_token: 'expired',
};

/**
 * Asks once whether the person has decided (RFC 8628 section 3.4 and 3.5). When to ask again is the caller's to keep.
 * @throws OAuthError where the answer is none of those; `transient` means to ask again, more slowly
 */
export async function pollDeviceToken(request: DeviceRequest & { deviceCode: string }, wire: Wire): Promise<DevicePoll> {
  const { client, deviceCode } = request;
  const provider = deviceProvider(request.provider);
  const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
  try {
    const grant = { provider, client, scopes: [], grantType, parameters: { device_code: deviceCode } };
    return { kind: 'granted', tokens: await tokenGrant(grant, wire) };
  } catch (thrown) {
    const kind = thrown instanceof OAuthError ? WAITING[thrown.oauthError ?? ''] : undefined;
    // A server that is broken (5xx) has not said what the person decided, whatever stands in its answer.
    const broken = thrown instanceof OAuthError && thrown.failure === 'transient' && kind !== 'slow_down';
    if (kind === undefined || broken) throw thrown;
    return { kind };
  }
}

function deviceProvider(provider: ProviderManifest): ProviderWith<'oauth2_device_authorization'> {
  if (hasAuth(provider, 'oauth2_device_authorization')) return provider;
  throw new KeywardError('invalid_request', `${provider.title} is not connected with a device code.`);
}

/** The person is sent there: https, and nothing that a page could be tricked with. */
function personUrl(provider: ProviderManifest, text: string): string {
  try {
    return secureUrl(text, 'verification URL').href;
  } catch (cause) {
    throw malformed(provider, 'a verification address that is not https', 200, cause);
  }
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length <= maxLength && /^[\x20-\x7e]+$/.test(value);
}

function between(value: unknown, min: number, max: number): number | undefined {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && number >= min ? Math.min(Math.ceil(number), max) : undefined;
}
