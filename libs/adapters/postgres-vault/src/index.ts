import type { CallCredentialStore, DataKeyStore } from '@keyward/credentials';
import type { DataSource } from 'typeorm';

export {
  createCredentialStore,
  type Also,
  type AuthorizedCredential,
  type Claim,
  type ClaimRequest,
  type CredentialStore,
  type DueCredential,
  type FailedRefresh,
  type Reauthorization,
  type RefreshableCredential,
  type RefreshCommit,
  type SealedTokens,
} from './credential-store.js';
export declare function createDataKeyStore(dataSource: DataSource): DataKeyStore;
export declare function createCallCredentialStore(dataSource: DataSource): CallCredentialStore;
