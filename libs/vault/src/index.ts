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
