import { authorizationServerOrigins, type ProviderManifest } from '@keyward/connectors';
import type { Credentials } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import {
  canRevoke,
  InterruptedRenewal,
  isRenewable,
  refreshAt,
  renewalOf,
  renewToken,
  revokeToken,
  withClient,
  type OAuthClient,
  type TokenSet,
  type Wire,
} from '@keyward/oauth';
import type { RefreshableCredential, RefreshCommit } from '@keyward/postgres-vault';
import { TooYoung } from './decide.js';
import { persistently } from './persistently.js';

export interface RedeemParts {
  credentials: Credentials;
  egress: Egress;
  /** Told when sealing what was redeemed has to be tried again. */
  onSealFailure: (error: unknown, attempt: number) => void;
}

/** Tokens of one generation, opened for one request. */
interface Opened {
  accessToken?: string;
  /** What the next token is had with, where it takes more than the registration. */
  material?: string;
}

/** What is to be stored of a renewal, in any case. */
export interface Redeemed {
  commit: RefreshCommit;
  /** Why there is no new access token, but only the refresh token that the next attempt is made with. */
  interrupted?: InterruptedRenewal;
}

/** Has the next token of a row in the way its provider declares, and seals it for the generation after. Plaintext ends in here. */
export class Redeemer {
  constructor(private readonly parts: RedeemParts) {}

  /**
   * @param provider resolved
   * @throws OAuthError, or KeywardError where nothing was sent.
   */
  redeem(row: RefreshableCredential, provider: ProviderManifest, timeoutMs: number): Promise<Redeemed> {
    const renewal = renewalOf(provider);
    if (renewal === 'exchange') assertOldEnough(row, provider);
    return this.#opened(row, renewal === 'exchange', ({ accessToken, material }) =>
      this.#withClient(row, async (client) => {
        const sentAt = new Date();
        const tokens = await renewToken(
          {
            provider,
            client,
            scopes: renewal === 'reissue' ? row.requestedScopes : row.scopes,
            ...(accessToken === undefined ? {} : { accessToken }),
            ...(material === undefined ? {} : { refreshToken: material }),
          },
          this.#wire(provider, timeoutMs),
        ).catch(interruption);
        if (tokens instanceof InterruptedRenewal) return this.#interrupted(row, tokens);
        // RFC 6749 section 6: where the answer holds no refresh token, the old one stays valid. What a grant is made again with stays.
        const next = renewal === 'refresh_token' ? (tokens.refreshToken ?? material) : material;
        // From here on the answer exists only in this process.
        const seal = () => this.#seal(row, provider, tokens, next, sentAt);
        return { commit: await persistently(seal, this.parts.onSealFailure) };
      }),
    );
  }

  /** Ends, at the provider, tokens that were redeemed for a connection that is no more. */
  async revoke(
    { org, connection, ...row }: RefreshableCredential,
    redeemed: RefreshCommit,
    provider: ProviderManifest,
    timeoutMs: number,
  ): Promise<void> {
    if (!canRevoke(provider)) return;
    const stored = { ...redeemed, org, connection, generation: redeemed.generation + 1 };
    await this.#opened(stored, true, ({ accessToken, material }) =>
      this.#withClient(row, (client) =>
        revokeToken(
          {
            provider,
            client,
            ...(accessToken === undefined ? {} : { accessToken }),
            // A subject token or a key is the person's own, and not ours to end.
            ...(material === undefined || renewalOf(provider) !== 'refresh_token' ? {} : { refreshToken: material }),
          },
          this.#wire(provider, timeoutMs),
        ),
      ),
    );
  }

  async #seal(
    row: RefreshableCredential,
    provider: ProviderManifest,
    tokens: TokenSet,
    material: string | undefined,
    obtainedAt: Date,
  ): Promise<RefreshCommit> {
    const { org, connection, generation } = row;
    const { accessToken, expiresAt, captured } = tokens;
    const sealed = await this.parts.credentials.sealTokens({
      ...{ org, connection, generation: generation + 1, accessToken, refreshToken: material },
    });
    const renewable = isRenewable(provider, { refreshToken: material });
    const scopes = tokens.scopes !== null && !sameScopes(tokens.scopes, row.scopes) ? tokens.scopes : undefined;
    return {
      ...{ org, connection, generation, ...sealed, renewable, accessExpiresAt: expiresAt, parameters: captured },
      refreshAt: refreshAt({ provider, obtainedAt, expiresAt, refreshable: renewable }),
      ...(scopes === undefined ? {} : { scopes }),
    };
  }

  /** The access token stays the one in service: sealed once more, beside the refresh token that follows the redeemed one. */
  async #interrupted(row: RefreshableCredential, interrupted: InterruptedRenewal): Promise<Redeemed> {
    const { credentials, onSealFailure } = this.parts;
    const { org, connection, generation, accessExpiresAt, refreshAt: due } = row;
    const refreshToken = interrupted.nextRefreshToken();
    const seal = () =>
      credentials.open(row, (accessToken) =>
        credentials.sealTokens({ org, connection, generation: generation + 1, accessToken, refreshToken }),
      );
    const sealed = await persistently(seal, onSealFailure);
    return { commit: { org, connection, generation, ...sealed, renewable: true, accessExpiresAt, refreshAt: due }, interrupted };
  }

  #opened<T>(
    row: Pick<RefreshableCredential, 'org' | 'connection' | 'generation' | 'sealedAccess' | 'sealedRefresh'>,
    withAccess: boolean,
    use: (opened: Opened) => Promise<T>,
  ): Promise<T> {
    const { credentials } = this.parts;
    const { sealedRefresh } = row;
    const withMaterial = (opened: Opened): Promise<T> =>
      sealedRefresh === null
        ? use(opened)
        : credentials.openRefreshToken({ ...row, sealedRefresh }, (material) => use({ ...opened, material }));
    return withAccess ? credentials.open(row, (accessToken) => withMaterial({ accessToken })) : withMaterial({});
  }

  /** A key that the person handed over needs no registration. */
  #withClient<T>(
    { providerApp }: Pick<RefreshableCredential, 'providerApp'>,
    use: (client: OAuthClient) => Promise<T>,
  ): Promise<T> {
    return providerApp === null ? use({ clientId: '' }) : withClient(this.parts.credentials, providerApp, use);
  }

  #wire(provider: ProviderManifest, timeoutMs: number): Wire {
    const fetchFor = (origins: readonly string[]) => this.parts.egress.fetchFor({ provider: provider.name, origins, timeoutMs });
    return { fetch: fetchFor(authorizationServerOrigins(provider)), fetchFor, timeoutMs };
  }
}

function interruption(thrown: unknown): InterruptedRenewal {
  if (thrown instanceof InterruptedRenewal) return thrown;
  throw thrown;
}

/** @throws TooYoung */
function assertOldEnough({ obtainedAt }: RefreshableCredential, { refresh }: ProviderManifest): void {
  const from = new Date(obtainedAt.getTime() + refresh.minimum_age_seconds * 1000);
  if (from.getTime() > Date.now()) throw new TooYoung(from);
}

function sameScopes(a: readonly string[], b: readonly string[]): boolean {
  const have = new Set(b);
  return new Set(a).size === have.size && a.every((scope) => have.has(scope));
}
