export { createCallCredentialStore } from './call-credential-store.js';
export { createConnectionUseStore } from './connection-use-store.js';
export { createCredentialStore, type CredentialStore } from './credential-store.js';
export { createDataKeyStore } from './data-key-store.js';
export type {
  Also,
  AuthorizedCredential,
  Claim,
  ClaimRequest,
  DueCredential,
  FailedRefresh,
  Reauthorization,
  RefreshableCredential,
  RefreshCommit,
  SealedTokens,
  StoredProviderApp,
} from './credential-types.js';
