export type {
  CallConnection,
  CallCredential,
  CallCredentialStore,
  CallQuery,
  ConnectionUse,
  ConnectionUseStore,
  SealedClientCertificate,
} from './ports.js';
export { clientSecretContext, privateKeyContext, type RegistrationRef } from './registration-context.js';
export {
  createCredentials,
  type Credentials,
  type CredentialsOptions,
  type SealedAccessToken,
  type SealedRefreshToken,
  type SecretContext,
  type TokensToSeal,
} from './credentials.js';
export { validMs, type Validity } from './validity.js';
export type {
  Clock,
  DataKeyStore,
  KeyManagement,
  KmsOperation,
  RewrapOptions,
  RewrapReport,
  VaultMetrics,
  VaultOperation,
} from '@keyward/vault';
