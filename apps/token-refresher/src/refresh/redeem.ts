import { authorizationServerOrigins, type ProviderManifest } from '@keyward/connectors';
import type { Credentials } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import {
  clientSecretContext,
  refreshAt,
  renewToken,
  revokeToken,
  type OAuthClient,
  type TokenSet,
  type Wire,
} from '@keyward/oauth';
import type { RefreshableCredential, RefreshCommit } from '@keyward/postgres-vault';
import { persistently } from './persistently.js';

export interface RedeemParts {
  credentials: Credentials;
  egress: Egress;
  /** Told when sealing what was redeemed has to be tried again. */
  onSealFailure: (error: unknown, attempt: number) => void;
}

type Redeemable = RefreshableCredential & { sealedRefresh: Buffer };

/** Sends the refresh token of a row and seals what comes back, for the generation after it. Plaintext ends in here. */
export class Redeemer {
  constructor(private readonly parts: RedeemParts) {}

  /** @throws OAuthError, or KeywardError where nothing was sent. */
  redeem(row: Redeemable, provider: ProviderManifest, timeoutMs: number): Promise<RefreshCommit> {
    const { credentials } = this.parts;
    return credentials.openRefreshToken(row, (refreshToken) =>
      this.#withClient(row, async (client) => {
        const sentAt = new Date();
        const tokens = await renewToken({ provider, client, scopes: row.scopes, refreshToken }, this.#wire(provider, timeoutMs));
        // From here on the answer exists only in this process.
        return persistently(() => this.#seal(row, provider, tokens, refreshToken, sentAt), this.parts.onSealFailure);
      }),
    );
  }

  /** Ends, at the provider, tokens that were redeemed for a connection that is no more. */
  async revoke(
    row: RefreshableCredential,
    redeemed: RefreshCommit,
    provider: ProviderManifest,
    timeoutMs: number,
  ): Promise<void> {
    const { sealedRefresh } = redeemed;
    if (sealedRefresh === null || provider.auth.revocation_endpoint === undefined) return;
    const { org, connection } = row;
    await this.parts.credentials.openRefreshToken(
      { org, connection, generation: redeemed.generation + 1, sealedRefresh },
      (token) =>
        this.#withClient(row, (client) =>
          revokeToken({ provider, client, refreshToken: token }, this.#wire(provider, timeoutMs)),
        ),
    );
  }

  async #seal(
    row: Redeemable,
    provider: ProviderManifest,
    tokens: TokenSet,
    oldRefreshToken: string,
    obtainedAt: Date,
  ): Promise<RefreshCommit> {
    const { org, connection, generation } = row;
    const sealed = await this.parts.credentials.sealTokens({
      org,
      connection,
      generation: generation + 1,
      accessToken: tokens.accessToken,
      // RFC 6749 section 6: where the answer holds none, the old one stays valid.
      refreshToken: tokens.refreshToken ?? oldRefreshToken,
    });
    const scopes = tokens.scopes !== null && !sameScopes(tokens.scopes, row.scopes) ? tokens.scopes : undefined;
    return {
      org,
      connection,
      generation,
      ...sealed,
      accessExpiresAt: tokens.expiresAt,
      refreshAt: refreshAt({ provider, obtainedAt, expiresAt: tokens.expiresAt, refreshable: true }),
      ...(scopes === undefined ? {} : { scopes }),
    };
  }

  #withClient<T>(row: RefreshableCredential, use: (client: OAuthClient) => Promise<T>): Promise<T> {
    const { id, clientId, sealedSecret, generation } = row.providerApp;
    if (sealedSecret === null) return use({ clientId });
    const context = clientSecretContext({ org: row.org, id, generation });
    return this.parts.credentials.openSecret(context, sealedSecret, (clientSecret) => use({ clientId, clientSecret }));
  }

  #wire(provider: ProviderManifest, timeoutMs: number): Wire {
    const origins = authorizationServerOrigins(provider);
    return { fetch: this.parts.egress.fetchFor({ provider: provider.name, origins, timeoutMs }), timeoutMs };
  }
}

function sameScopes(a: readonly string[], b: readonly string[]): boolean {
  const have = new Set(b);
  return new Set(a).size === have.size && a.every((scope) => have.has(scope));
}
