export { createCallCredentialStore } from './call-credential-store.js';
export { createConnectionUseStore } from './connection-use-store.js';
export { createCredentialStore, type CredentialStore } from './credential-store.js';
export { createDataKeyStore } from './data-key-store.js';
export type {
  AppRef,
  AppRejection,
  AuthorizedCredential,
  Claim,
  ClaimRequest,
  DueRequest,
  FailedRefresh,
  LeaseRef,
  ProviderRoom,
  Reauthorization,
  RefreshableCredential,
  RefreshCommit,
  SealedTokens,
  SendingIntent,
  StoredAuthorization,
  StoredProviderApp,
  TurnRequest,
  Turns,
} from './credential-types.js';
