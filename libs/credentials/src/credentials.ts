import type { Clock, DataKeyStore, KeyManagement, VaultMetrics } from '@keyward/vault';

export interface SealedAccessToken {
  org: string;
  connection: string;
  generation: number;
  sealedAccess: Buffer;
}

export interface SealedRefreshToken {
  org: string;
  connection: string;
  generation: number;
  sealedRefresh: Buffer;
}

export interface TokensToSeal {
  org: string;
  connection: string;
  /** The generation under which the tokens will be stored: 1 for a new connection, the redeemed one plus 1 after a refresh. */
  generation: number;
  accessToken: string;
  refreshToken?: string;
}

/** A secret that is no token: a provider app's client secret, a PKCE verifier. */
export interface SecretContext {
  org: string;
  /** Id of the row that holds it. */
  record: string;
  /** Lower case with underscores, for example `client_secret`; the token fields are refused. */
  field: string;
  generation: number;
}

export interface Credentials {
  open<T>(ref: SealedAccessToken, use: (accessToken: string) => Promise<T>): Promise<T>;
  openRefreshToken<T>(ref: SealedRefreshToken, use: (refreshToken: string) => Promise<T>): Promise<T>;
  sealTokens(tokens: TokensToSeal): Promise<{ sealedAccess: Buffer; sealedRefresh: Buffer | null }>;
  sealSecret(context: SecretContext, plaintext: string): Promise<Buffer>;
  openSecret<T>(context: SecretContext, sealed: Buffer, use: (plaintext: string) => Promise<T>): Promise<T>;
}

export interface CredentialsOptions {
  kms: KeyManagement;
  dataKeys: DataKeyStore;
  clock?: Clock;
  metrics?: VaultMetrics;
}

export declare function createCredentials(options: CredentialsOptions): Credentials;
