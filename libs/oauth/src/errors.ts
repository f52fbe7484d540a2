import { KeywardError, type ErrorCode } from '@keyward/contracts';

/**
 * - `transient`: nothing is wrong with the grant; try again, not before `retryAfterMs`.
 * - `invalid_grant`: the code or refresh token is used up, expired or revoked.
 * - `invalid_client`: our own registration is refused.
 * - `malformed`: an answer that no OAuth server should give.
 * - `rejected`: a well-formed refusal of another kind (RFC 6749 section 5.2), such as `invalid_scope`.
 */
export type OAuthFailure = 'transient' | 'invalid_grant' | 'invalid_client' | 'malformed' | 'rejected';

export interface OAuthErrorOptions {
  /**
   * False only where the server surely did not act on the request. Otherwise a rotating refresh token may be spent, and sending it
   * again could trip reuse detection.
   */
  maybeRedeemed: boolean;
  retryAfterMs?: number;
  providerStatus?: number;
  /** The server's `error` code, if it is a known one. */
  oauthError?: string;
  cause?: unknown;
}

const CODES: Record<OAuthFailure, ErrorCode> = {
  transient: 'provider_unavailable',
  invalid_grant: 'provider_error',
  invalid_client: 'provider_error',
  malformed: 'provider_error',
  rejected: 'provider_error',
};

/** A failure at the provider's authorization server. Its text never quotes what the server sent: that may hold a token. */
export class OAuthError extends KeywardError {
  readonly failure: OAuthFailure;
  readonly maybeRedeemed: boolean;
  readonly retryAfterMs: number | undefined;
  readonly oauthError: string | undefined;

  constructor(failure: OAuthFailure, publicMessage: string, options: OAuthErrorOptions) {
    super(CODES[failure], publicMessage, {
      details: {
        ...(options.retryAfterMs === undefined ? {} : { retryAfterMs: options.retryAfterMs }),
        ...(options.providerStatus === undefined ? {} : { providerStatus: options.providerStatus }),
      },
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    });
    this.name = 'OAuthError';
    this.failure = failure;
    this.maybeRedeemed = options.maybeRedeemed;
    this.retryAfterMs = options.retryAfterMs;
    this.oauthError = options.oauthError;
  }
}

/**
 * A renewal that redeemed its refresh token and came no further, or whose answer held the next one and nothing else that can be used: the access token held before stays the one in service, and the next
 * attempt is made with `nextRefreshToken`. Whoever does not keep that must take the one held before for spent, as `maybeRedeemed` says.
 */
export class InterruptedRenewal extends OAuthError {
  /** Private to the language: no log, no JSON and no inspection shows it. */
  readonly #refreshToken: string;

  constructor(error: OAuthError, refreshToken: string) {
    const { failure, message, retryAfterMs, oauthError } = error;
    super(failure, message, {
      maybeRedeemed: true,
      cause: error,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(oauthError === undefined ? {} : { oauthError }),
    });
    this.name = 'InterruptedRenewal';
    this.#refreshToken = refreshToken;
  }

  nextRefreshToken(): string {
    return this.#refreshToken;
  }
}
