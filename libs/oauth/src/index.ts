export { authorizationUrl, type AuthorizationRequest } from './authorize.js';
export { readCallback, type Callback, type CallbackError } from './callback.js';
export { readCodeWebhook, type CodeWebhook } from './code-webhook.js';
export { connectedProvider } from './connected-provider.js';
export { InterruptedRenewal, OAuthError, type OAuthFailure } from './errors.js';
export { rejectionReason } from './rejection-reason.js';
export { exchangeCode, type ExchangeRequest } from './exchange.js';
export {
  introspect,
  introspectRefreshToken,
  type Introspection,
  type IntrospectionRequest,
  type RefreshTokenIntrospection,
} from './introspect.js';
export { createPkcePair, type PkcePair } from './pkce.js';
export { renewToken, type RenewRequest } from './renew.js';
export { isRenewable } from './renewal.js';
export { renewalOf, type Renewal } from '@keyward/connectors';
export { canRevoke, revokeToken, type RevokeRequest } from './revoke.js';
export type { TokenSet } from './token-set.js';
export { tokenTimes, type TokenLife, type TokenTimes } from './token-times.js';
export type { ClientTls, OAuthClient, Wire, WireInit } from './wire.js';
export { withClient, type SealedRegistration } from './with-client.js';
export { discoverResource, type Discovered } from './discovery/discover-resource.js';
export type { ServerMetadata } from './discovery/server-metadata.js';
export type { DiscoveryRequest, DiscoveryWire } from './discovery/wire.js';
export {
  pollDeviceToken,
  startDeviceAuthorization,
  type DeviceAuthorization,
  type DevicePoll,
  type DeviceRequest,
} from './grants/device.js';
export { obtainToken, type ObtainTokenRequest } from './grants/obtain-token.js';
export { verifyInstallation, type InstallationProof } from './installation/verify-installation.js';
export { clientMetadataDocument, type ClientDescription } from './registration/client-metadata.js';
export { registerClient, type RegisterClientRequest, type RegisteredClient } from './registration/register-client.js';
