import {
  Vault,
  type Clock,
  type DataKeyStore,
  type KeyManagement,
  type RewrapOptions,
  type RewrapReport,
  type VaultMetrics,
} from '@keyward/vault';
import { assertSecretField, utf8 } from './secret-text.js';

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
  refreshToken?: string | undefined;
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

export interface CredentialsOptions {
  kms: KeyManagement;
  dataKeys: DataKeyStore;
  clock?: Clock | undefined;
  metrics?: VaultMetrics | undefined;
}

/**
 * The one way to a plaintext credential. Each is lent to a function for one call and returned nowhere. The bytes are zeroed as
 * soon as the string exists; the string itself is garbage once `use` has ended, which is as far as JavaScript goes.
 *
 * Every method throws KeywardError, and passes on what `use` throws.
 */
export class Credentials {
  readonly #vault: Vault;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** Opens only in the organization, connection and generation that the token was sealed for. */
  async open<T>(ref: SealedAccessToken, use: (accessToken: string) => Promise<T>): Promise<T> {
    return use(await this.#text(tokenContext(ref, 'access_token'), ref.sealedAccess));
  }

  /** The material for the next token, a refresh token mostly: for renewal and for revocation at the provider. */
  async openRefreshToken<T>(ref: SealedRefreshToken, use: (refreshToken: string) => Promise<T>): Promise<T> {
    return use(await this.#text(tokenContext(ref, 'refresh_token'), ref.sealedRefresh));
  }

  async sealTokens(tokens: TokensToSeal): Promise<{ sealedAccess: Buffer; sealedRefresh: Buffer | null }> {
    const { accessToken, refreshToken } = tokens;
    const sealedAccess = await this.#vault.seal(tokenContext(tokens, 'access_token'), utf8(accessToken));
    if (refreshToken === undefined) return { sealedAccess, sealedRefresh: null };
    const sealedRefresh = await this.#vault.seal(tokenContext(tokens, 'refresh_token'), utf8(refreshToken));
    return { sealedAccess, sealedRefresh };
  }

  async sealSecret(context: SecretContext, plaintext: string): Promise<Buffer> {
    assertSecretField(context.field);
    return this.#vault.seal(context, utf8(plaintext));
  }

  async openSecret<T>(context: SecretContext, sealed: Buffer, use: (plaintext: string) => Promise<T>): Promise<T> {
    assertSecretField(context.field);
    return use(await this.#text(context, sealed));
  }

  /** New secrets of the organization are sealed under a new data key. */
  rotateDataKey(org: string): Promise<void> {
    return this.#vault.rotate(org);
  }

  /** After a change of the KMS's key: wraps all data keys anew. */
  rewrapDataKeys(options?: RewrapOptions): Promise<RewrapReport> {
    return this.#vault.rewrap(options);
  }

  /**
   * Crypto-shred: nothing of the organization opens again and nothing more is sealed for it. Here at once; in other processes as soon
   * as they are told to `forgetOrganization`, else after at most five minutes.
   */
  shredOrganization(org: string): Promise<number> {
    return this.#vault.shred(org);
  }

  /** What another process's shredding asks of this one: nothing of the organization stays openable from memory. */
  forgetOrganization(org: string): void {
    this.#vault.forget(org);
  }

  #text(context: SecretContext, sealed: Buffer): Promise<string> {
    return this.#vault.open(context, sealed, (plaintext) => plaintext.toString());
  }
}

function tokenContext(ref: { org: string; connection: string; generation: number }, field: string): SecretContext {
  return { org: ref.org, record: ref.connection, field, generation: ref.generation };
}

export function createCredentials(options: CredentialsOptions): Credentials {
  return new Credentials(new Vault(options));
}
