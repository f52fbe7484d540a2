import type { Catalog } from '@keyward/connectors';
import type { ConnectSessionEntity } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { consentPage } from '../pages/connect-pages.js';
import { ending, type ConnectAnswer, type Ending } from './answer.js';
import { isSecret, randomSecret, sha256, type ConnectSigner } from './secrets.js';
import { claimForBrowser, findSession, namesOf, OPEN_STATES } from './session-store.js';

/** Why this browser can't go on with this session; undefined where it can. */
export function obstacle(session: ConnectSessionEntity, browser: string | undefined): Ending | undefined {
  if (!OPEN_STATES.includes(session.state)) return session.state === 'cancelled' ? 'cancelled' : 'used';
  if (session.expiresAt.getTime() <= Date.now()) return 'expired';
  if (session.browserSha256 === null) return undefined;
  return isOwner(session, browser) ? undefined : 'other_browser';
}

export function isOwner(session: ConnectSessionEntity, browser: string | undefined): boolean {
  return browser !== undefined && session.browserSha256 !== null && sha256(browser).equals(session.browserSha256);
}

/** `GET /connect/{token}`: the first browser to come makes the session its own, and sees who asks for what. */
export class OpenSession {
  constructor(
    private readonly dataSource: DataSource,
    private readonly catalog: Catalog,
    private readonly signer: ConnectSigner,
  ) {}

  async open(token: string, cookie: unknown): Promise<ConnectAnswer> {
    const session = await findSession(this.dataSource, token);
    if (session === null) return ending('unknown');
    const browser = isSecret(cookie) ? cookie : randomSecret();
    const problem = obstacle(session, browser) ?? (await this.#claim(session, browser));
    if (problem !== undefined) return ending(problem);
    return this.#consent(session, token, browser);
  }

  async #claim(session: ConnectSessionEntity, browser: string): Promise<Ending | undefined> {
    if (session.browserSha256 !== null) return undefined;
    return (await claimForBrowser(this.dataSource, session, sha256(browser))) ? undefined : 'other_browser';
  }

  async #consent(session: ConnectSessionEntity, token: string, browser: string): Promise<ConnectAnswer> {
    const manifest = this.catalog.connector(session.provider);
    if (manifest === undefined) return ending('unsupported');
    const { descriptions } = manifest.auth.scopes;
    const targets = [manifest.auth.authorization_endpoint, ...(session.returnUrl === null ? [] : [session.returnUrl])];
    const page = consentPage({
      ...(await namesOf(this.dataSource, session)),
      user: session.userId,
      provider: manifest,
      alias: session.alias,
      scopes: session.scopes.map((name) => ({
        name,
        description: Object.hasOwn(descriptions, name) ? descriptions[name] : undefined,
      })),
      action: `/connect/${token}`,
      csrfToken: this.signer.formToken(session.id, browser),
      formTargets: [...new Set(targets.map((url) => new URL(url).origin))],
    });
    return { kind: 'page', page, browser };
  }
}
