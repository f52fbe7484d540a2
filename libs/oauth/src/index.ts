export { authorizationUrl, createPkcePair, type AuthorizationRequest, type PkcePair } from './authorize.js';
export { readCallback, type Callback, type CallbackError } from './callback.js';
export { OAuthError, type OAuthFailure } from './errors.js';
export { exchangeCode, type ExchangeRequest } from './exchange.js';
export { refreshAt, type RefreshPolicy } from './refresh-at.js';
export { refreshTokens, type RefreshTokensRequest } from './refresh.js';
export { revokeToken, type RevokeRequest } from './revoke.js';
export type { TokenSet } from './token-set.js';
export type { OAuthClient, Wire } from './wire.js';
