import { authorizationServerOrigins, type ProviderManifest } from '@keyward/connectors';
import type { Credentials } from '@keyward/credentials';
import type { Egress } from '@keyward/egress';
import {
  canRevoke,
  InterruptedRenewal,
  introspectRefreshToken,
  isRenewable,
  renewalOf,
  renewToken,
  revokeToken,
  tokenTimes,
  withClient,
  type OAuthClient,
  type TokenSet,
  type TokenTimes,
  type Wire,
} from '@keyward/oauth';
import type { RefreshableCredential, RefreshCommit, SealedTokens } from '@keyward/postgres-vault';
import { msLeft, msPassed } from './claim.js';
import { TooYoung } from './decide.js';
import { Gate } from './gate.js';

export interface RedeemParts {
  credentials: Credentials;
  egress: Egress;
}

export interface RedeemOptions {
  timeoutMs: number;
  /** Whether the connection sleeps from now on. */
  asleep: boolean;
  onOpened: () => Promise<void>;
  /** As of a GateOptions. */
  beforeSend: () => Promise<number>;
}

/** Tokens of one generation, opened for one request. */
interface Opened {
  accessToken?: string;
  /** What the next token is had with, where it takes more than the registration. */
  material?: string;
}

/** What the provider answered. Until it is sealed it exists only here. */
export interface Redeemed {
  /** Why there is no new access token, but only the refresh token that the next attempt is made with. */
  interrupted?: InterruptedRenewal;
  /** May be repeated until it works. @throws KeywardError */
  seal(): Promise<SealedRenewal>;
}

interface Answer {
  provider: ProviderManifest;
  tokens: TokenSet;
  asleep: boolean;
  /** On `performance.now()`. */
  sentAt: number;
}

/** Everything that is stored of a renewal but its times, which are reckoned from when they are stored. */
export interface SealedRenewal {
  sealed: Pick<SealedTokens, 'sealedAccess' | 'sealedRefresh' | 'renewable'> & Pick<RefreshCommit, 'scopes' | 'parameters'>;
  times(): TokenTimes;
}

/** Has the next token of a row in the way its provider declares, and seals it for the generation after. Plaintext ends in here. */
export class Redeemer {
  constructor(private readonly parts: RedeemParts) {}

  /**
   * @param provider resolved
   * @throws OAuthError; what `beforeSend` throws; KeywardError where nothing was sent
   */
  redeem(row: RefreshableCredential, provider: ProviderManifest, options: RedeemOptions): Promise<Redeemed> {
    const renewal = renewalOf(provider);
    if (renewal === 'exchange') assertOldEnough(row, provider);
    const { timeoutMs, beforeSend } = options;
    return this.#opened(row, renewal === 'exchange', ({ accessToken, material }) =>
      this.#withClient(row, async (client) => {
        await options.onOpened();
        const origins = authorizationServerOrigins(provider);
        const gate = new Gate(this.parts.egress, { provider: provider.name, origins, timeoutMs, beforeSend });
        const begunAt = performance.now();
        const tokens = await renewToken(
          {
            provider,
            client,
            scopes: renewal === 'reissue' ? row.requestedScopes : row.scopes,
            ...(accessToken === undefined ? {} : { accessToken }),
            ...(material === undefined ? {} : { refreshToken: material }),
          },
          gate.wire,
        ).catch((thrown: unknown) => interruption(gate.reasonOf(thrown)));
        if (tokens instanceof InterruptedRenewal) {
          return { interrupted: tokens, seal: () => this.#sealInterrupted(row, tokens) };
        }
        // RFC 6749 section 6: where the answer holds no refresh token, the old one stays valid. What a grant is made again with stays.
        const next = renewal === 'refresh_token' ? (tokens.refreshToken ?? material) : material;
        const answer = { provider, tokens, asleep: options.asleep, sentAt: gate.sentAt ?? begunAt };
        return { seal: () => this.#seal(row, answer, next) };
      }),
    );
  }

  /**
   * Whether the refresh token of a row can still be redeemed, by the word of its provider.
   * @throws OAuthError, KeywardError: nothing is known
   */
  probe(row: RefreshableCredential, provider: ProviderManifest, timeoutMs: number): Promise<boolean> {
    return this.#opened(row, false, ({ material: refreshToken = '' }) =>
      this.#withClient(row, async (client) => {
        const { active } = await introspectRefreshToken({ provider, client, refreshToken }, this.#wire(provider, timeoutMs));
        return active;
      }),
    );
  }

  /** Ends, at the provider, tokens that were redeemed for a connection that is no more. */
  async revoke(
    { org, connection, ...row }: RefreshableCredential,
    redeemed: SealedRenewal['sealed'],
    provider: ProviderManifest,
    timeoutMs: number,
  ): Promise<void> {
    if (!canRevoke(provider)) return;
    const stored = { ...redeemed, org, connection, generation: row.generation + 1 };
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

  async #seal(row: RefreshableCredential, answer: Answer, material: string | undefined): Promise<SealedRenewal> {
    const { org, connection, generation } = row;
    const { provider, tokens, asleep, sentAt } = answer;
    const { accessToken, lifetimeMs, captured } = tokens;
    const sealed = await this.parts.credentials.sealTokens({
      ...{ org, connection, generation: generation + 1, accessToken, refreshToken: material },
    });
    const renewable = isRenewable(provider, { refreshToken: material });
    const scopes = tokens.scopes !== null && !sameScopes(tokens.scopes, row.scopes) ? tokens.scopes : undefined;
    const life = { provider, lifetimeMs, refreshLifetimeMs: refreshLifetime(row, answer), renewable, asleep };
    return {
      sealed: { ...sealed, renewable, parameters: captured, ...(scopes === undefined ? {} : { scopes }) },
      times: () => tokenTimes({ ...life, elapsedMs: performance.now() - sentAt }),
    };
  }

  /** The access token stays the one in service: sealed once more, beside the refresh token that follows the redeemed one. */
  async #sealInterrupted(row: RefreshableCredential, interrupted: InterruptedRenewal): Promise<SealedRenewal> {
    const { credentials } = this.parts;
    const { org, connection, generation } = row;
    const refreshToken = interrupted.nextRefreshToken();
    const sealed = await credentials.open(row, (accessToken) =>
      credentials.sealTokens({ org, connection, generation: generation + 1, accessToken, refreshToken }),
    );
    return {
      sealed: { ...sealed, renewable: true },
      times: () => ({
        accessExpiresInMs: msLeft(row, row.accessExpiresInMs),
        refreshInMs: msLeft(row, row.refreshInMs),
        awakeRefreshInMs: msLeft(row, row.awakeRefreshInMs),
        refreshExpiresInMs: msLeft(row, row.refreshExpiresInMs),
      }),
    };
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
function assertOldEnough(row: RefreshableCredential, { refresh }: ProviderManifest): void {
  const youngForMs = refresh.minimum_age_seconds * 1000 - msPassed(row, row.obtainedMsAgo);
  if (youngForMs > 0) throw new TooYoung(youngForMs);
}

/** Where the answer holds no refresh token and says nothing of it, the one before keeps the life it had; unless using it is what prolongs it. */
function refreshLifetime(row: RefreshableCredential, { provider, tokens, sentAt }: Answer): number | undefined {
  if (tokens.refreshLifetimeMs !== undefined) return tokens.refreshLifetimeMs;
  const keeps = tokens.refreshToken === undefined && provider.refresh.refresh_token_lifetime_days === undefined;
  return keeps && row.refreshExpiresInMs !== null ? row.refreshExpiresInMs - (sentAt - row.readAt) : undefined;
}

function sameScopes(a: readonly string[], b: readonly string[]): boolean {
  const have = new Set(b);
  return new Set(a).size === have.size && a.every((scope) => have.has(scope));
}
