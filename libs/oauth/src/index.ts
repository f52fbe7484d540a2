export { authorizationUrl, createPkcePair, type AuthorizationRequest, type PkcePair } from './authorize.js';
export { readCallback, type Callback, type CallbackError } from './callback.js';
export { clientSecretContext, type RegistrationRef } from './client-secret.js';
export { OAuthError, type OAuthFailure } from './errors.js';
export { exchangeCode, type ExchangeRequest } from './exchange.js';
export { refreshAt, type RefreshPolicy } from './refresh-at.js';
export { refreshTokens, type RefreshTokensRequest } from './refresh.js';
export { revokeToken, type RevokeRequest } from './revoke.js';
export type { TokenSet } from './token-set.js';
export type { OAuthClient, Wire } from './wire.js';
export { signAssertion, type AssertionMaterial, type SignedAssertion } from './assertion/sign-assertion.js';
export { discoverResource, type Discovered } from './discovery/discover-resource.js';
export { discoveredProvider } from './discovery/discovered-provider.js';
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
export { clientMetadataDocument, type ClientDescription } from './registration/client-metadata.js';
export { registerClient, type RegisterClientRequest, type RegisteredClient } from './registration/register-client.js';
