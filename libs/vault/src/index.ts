export { Vault, type VaultOptions } from './vault.js';
export type { SealContext } from './format.js';
export type { RewrapOptions, RewrapReport } from './rewrap.js';
export { keyRefused, keysUnavailable, shredded } from './errors.js';
export { assertKmsContext } from './kms-context.js';
export type {
  Clock,
  DataKeyRecord,
  DataKeyState,
  DataKeyStore,
  KeyManagement,
  KmsContext,
  KmsOperation,
  NewDataKey,
  VaultMetrics,
  VaultOperation,
  WrappedKey,
} from './ports.js';
