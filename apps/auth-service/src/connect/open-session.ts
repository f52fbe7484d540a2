import type { ConnectSessionEntity, DeviceAuthorizationEntity } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { ending, type ConnectAnswer, type Ending } from './answer.js';
import { turnAway, type Completers, type Visitor } from './completers.js';
import { findDevice } from './device.js';
import { findOffer, type OfferOptions } from './offer.js';
import type { PollSession } from './poll-session.js';
import { isSecret, randomSecret, sha256 } from './secrets.js';
import type { OpenedSession, SessionPages } from './session-pages.js';
import { claimForBrowser, findSession, OPEN_STATES } from './session-store.js';

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

export interface OpenSessionOptions extends OfferOptions {
  completers: Completers;
  pages: SessionPages;
  poll: PollSession;
}

/** `GET /connect/{token}`: the first browser to come makes the session its own, and sees who asks for what. */
export class OpenSession {
  constructor(private readonly options: OpenSessionOptions) {}

  async open(token: string, visitor: Visitor): Promise<ConnectAnswer> {
    const { dataSource, completers } = this.options;
    const session = await findSession(dataSource, token);
    if (session === null) return ending('unknown');
    const browser = isSecret(visitor.cookie) ? visitor.cookie : randomSecret();
    const problem = obstacle(session, browser);
    if (problem === 'used' && session.state === 'completed' && isOwner(session, browser)) return this.#done(session);
    if (problem !== undefined) return ending(problem);
    // Before it is claimed: a link that reached the wrong person is still there for the right one.
    const completer = await completers.check(session, visitor);
    if (!completer.may) return turnAway(completer.why, `/connect/${token}`);
    if (!(await claim(dataSource, session, browser))) return ending('other_browser');
    const device = session.state === 'redirected' ? await findDevice(dataSource, session) : null;
    return this.#show({ session, token, browser }, device, completer.authorizedBy);
  }

  async #show(
    opened: OpenedSession,
    device: DeviceAuthorizationEntity | null,
    authorizedBy: Parameters<PollSession['poll']>[3],
  ): Promise<ConnectAnswer> {
    const { pages, poll } = this.options;
    const offer = await findOffer(this.options, opened.session);
    if (offer === undefined) return ending('unsupported');
    return device === null ? pages.consent(opened, offer) : poll.poll(opened, offer, device, authorizedBy);
  }

  /** Opened again by who has connected it. */
  async #done(session: ConnectSessionEntity): Promise<ConnectAnswer> {
    const offer = await findOffer(this.options, session);
    if (offer === undefined || session.connectionId === null) return ending('used');
    return this.options.pages.connected(session, offer.manifest.title, session.connectionId);
  }
}

async function claim(dataSource: DataSource, session: ConnectSessionEntity, browser: string): Promise<boolean> {
  return session.browserSha256 !== null || claimForBrowser(dataSource, session, sha256(browser));
}
