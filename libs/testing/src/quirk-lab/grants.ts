import { randomBytes } from 'node:crypto';
import type { Issued } from './quirks.js';
import { demand } from './refusal.js';

export interface Authorization {
  redirectUri: string;
  scopes: readonly string[];
  challenge: string | undefined;
}

interface LiveToken {
  scopes: readonly string[];
  /** How many steps it has gone. */
  stage: number;
  refreshToken: string;
}

/** What the lab has issued and not taken back. */
export class Grants {
  readonly #codes = new Map<string, Authorization>();
  readonly #access = new Map<string, LiveToken>();
  readonly #refresh = new Map<string, readonly string[]>();

  authorize(authorization: Authorization): string {
    const code = `code-${random()}`;
    this.#codes.set(code, authorization);
    return code;
  }

  /** Once (RFC 6749 section 4.1.2). */
  redeemCode(code: string | undefined): Authorization {
    const authorization = this.#codes.get(code ?? '');
    demand(authorization !== undefined, 'the code is unknown or used', 'invalid_grant');
    this.#codes.delete(code ?? '');
    return authorization;
  }

  issue(scopes: readonly string[], stage: number, refreshToken = `refresh-${random()}`): Issued {
    const accessToken = `access-${stage}-${random()}`;
    this.#access.set(accessToken, { scopes, stage, refreshToken });
    this.#refresh.set(refreshToken, scopes);
    return { accessToken, refreshToken, scopes };
  }

  redeemRefreshToken(
    token: string | undefined,
    rotates: boolean,
  ): { scopes: readonly string[]; refreshToken: string | undefined } {
    const scopes = this.#refresh.get(token ?? '');
    demand(scopes !== undefined, 'the refresh token is unknown or used', 'invalid_grant');
    if (rotates) this.#refresh.delete(token ?? '');
    return { scopes, refreshToken: rotates ? undefined : token };
  }

  live(token: string | undefined, stage?: number): LiveToken {
    const found = this.#access.get(token ?? '');
    demand(found !== undefined && (stage === undefined || found.stage === stage), 'the token is not the one', 'invalid_grant');
    return found;
  }

  /** The whole grant, whichever of its tokens it is. */
  revoke(token: string): void {
    const refreshToken = this.#access.get(token)?.refreshToken ?? token;
    this.#refresh.delete(refreshToken);
    for (const [access, live] of this.#access) if (live.refreshToken === refreshToken) this.#access.delete(access);
  }

  accepts(token: string, stage: number): boolean {
    return this.#access.get(token)?.stage === stage;
  }

  canRefresh(token: string): boolean {
    return this.#refresh.has(token);
  }
}

function random(): string {
  return randomBytes(16).toString('hex');
}
