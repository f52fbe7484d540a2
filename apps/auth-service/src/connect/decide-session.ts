import { asKeywardError, KeywardError } from '@keyward/contracts';
import { OAuthError } from '@keyward/oauth';
import type { ProviderAppEntity } from '@keyward/postgres';
import { ending, endingOf, type ConnectAnswer, type Ending } from './answer.js';
import { beginAuthorization, type BeginAuthorizationOptions } from './begin-authorization.js';
import { turnAway, type Authorizer, type Completers, type Visitor } from './completers.js';
import { connectHere, type ConnectHereOptions } from './connect-here.js';
import { forgetDevice, startDevice } from './device.js';
import { checkEntry, type Entered } from './entered.js';
import { wayOf } from './flow.js';
import { findOffer, type Offer, type OfferOptions } from './offer.js';
import { isOwner, obstacle } from './open-session.js';
import { recordFailure } from './record-failure.js';
import { isSecret } from './secrets.js';
import type { OpenedSession, Refusal, SessionPages } from './session-pages.js';
import { findSession, occupy, release } from './session-store.js';

export interface Decision {
  token: string;
  formToken: string;
  decision: 'continue' | 'cancel';
  entered: Entered;
}

export interface DecideSessionOptions extends OfferOptions, BeginAuthorizationOptions, ConnectHereOptions {
  completers: Completers;
  pages: SessionPages;
  /** Told why, where the page says only that. */
  onFailure: (error: KeywardError, ending: Ending) => void;
}

type RegisteredOffer = Offer & { app: ProviderAppEntity };

/** `POST /connect/{token}`: the person has chosen on our page. Only now does anything leave for the provider. */
export class DecideSession {
  constructor(private readonly options: DecideSessionOptions) {}

  /** Link → browser → form token → person → fields → provider. */
  async decide({ token, formToken, decision, entered }: Decision, visitor: Visitor): Promise<ConnectAnswer> {
    const { dataSource, signer, completers } = this.options;
    const session = await findSession(dataSource, token);
    if (session === null) return ending('unknown');
    const browser = isSecret(visitor.cookie) ? visitor.cookie : undefined;
    const problem = obstacle(session, browser);
    // Sent twice, or gone back to: what came of it is told where the page was.
    if (problem === 'used' && session.state === 'completed' && isOwner(session, browser)) return backTo(token);
    if (problem !== undefined) return ending(problem);
    if (browser === undefined || !isOwner(session, browser)) return ending('form');
    if (!signer.verifyFormToken(formToken, session.id, browser)) return ending('form');
    const completer = await completers.check(session, visitor);
    if (!completer.may) return turnAway(completer.why, `/connect/${token}`);
    const opened = { session, token, browser };
    if (decision === 'cancel') return this.#cancel(opened);
    const offer = await findOffer(this.options, session);
    return offer === undefined ? ending('unsupported') : this.#continue(opened, offer, entered, completer.authorizedBy);
  }

  async #cancel({ session }: OpenedSession): Promise<ConnectAnswer> {
    const { dataSource } = this.options;
    const cancelled = await recordFailure(dataSource, session, { state: 'cancelled', failure: 'cancelled', chosen: true });
    await forgetDevice(dataSource, session);
    return ending(cancelled ? 'cancelled' : 'used', session.returnUrl);
  }

  async #continue(opened: OpenedSession, offer: Offer, entered: Entered, authorizedBy: Authorizer): Promise<ConnectAnswer> {
    const { pages } = this.options;
    const { session } = opened;
    const entry = readEntry(offer, session.parameters, entered);
    if (entry === undefined) return ending('form');
    if (!entry.accepted) return pages.consent(opened, offer, { entered, errors: entry.errors });
    const { parameters, secret } = entry;
    const way = wayOf(offer.manifest);
    if (way === undefined) return ending('unsupported');
    const refused = (refusal: Omit<Refusal, 'entered'>) => pages.consent(opened, offer, { ...refusal, entered });
    if (way === 'redirect') return this.#redirect(opened, offer, parameters, refused);
    if (!(await occupy(this.options.dataSource, session))) return pages.waiting(offer.manifest.title, `/connect/${opened.token}`);
    try {
      return way === 'device'
        ? await this.#device(opened, offer, parameters, refused)
        : await this.#here(opened, { session, offer, parameters, secret, authorizedBy }, refused);
    } finally {
      await release(this.options.dataSource, session);
    }
  }

  async #redirect(
    opened: OpenedSession,
    offer: Offer,
    parameters: Record<string, string>,
    refused: Refuse,
  ): Promise<ConnectAnswer> {
    if (!isRegistered(offer)) return ending('unsupported');
    try {
      const url = await beginAuthorization(this.options, opened.session, offer, parameters);
      return url === undefined ? ending('used') : { kind: 'redirect', outcome: 'redirected', url };
    } catch (thrown) {
      return refused(problemOf(thrown));
    }
  }

  async #device(
    opened: OpenedSession,
    offer: Offer,
    parameters: Record<string, string>,
    refused: Refuse,
  ): Promise<ConnectAnswer> {
    if (!isRegistered(offer)) return ending('unsupported');
    try {
      const device = await startDevice(this.options, opened.session, offer, parameters);
      return device === undefined ? ending('used') : backTo(opened.token);
    } catch (thrown) {
      if (!(thrown instanceof OAuthError)) return refused(problemOf(thrown));
      return this.#failed(opened, thrown);
    }
  }

  async #here(opened: OpenedSession, request: Parameters<typeof connectHere>[1], refused: Refuse): Promise<ConnectAnswer> {
    const { pages, dataSource, onFailure } = this.options;
    const { session } = opened;
    const result = await connectHere(this.options, request);
    if (result.kind === 'ended') return ending('used');
    if (result.kind === 'refused') {
      if (result.error !== undefined) onFailure(result.error, 'provider');
      await recordFailure(dataSource, session, {
        failure: 'refused',
        ...(result.error === undefined ? {} : { error: result.error }),
      });
      return refused(result);
    }
    const { connection } = result;
    if (session.returnUrl !== null) return { kind: 'redirect', outcome: 'connected', connection, url: session.returnUrl };
    return pages.connected(session, request.offer.manifest.title, connection);
  }

  async #failed({ session }: OpenedSession, error: OAuthError): Promise<ConnectAnswer> {
    const name = endingOf(error);
    this.options.onFailure(error, name);
    await recordFailure(this.options.dataSource, session, { failure: error.failure, error });
    return ending(name, session.returnUrl);
  }
}

type Refuse = (refusal: Omit<Refusal, 'entered'>) => Promise<ConnectAnswer>;

/** Undefined for fields that our page does not have. */
function readEntry({ manifest }: Offer, known: Record<string, string>, entered: Entered) {
  try {
    return checkEntry(manifest, known, entered);
  } catch (thrown) {
    if (thrown instanceof KeywardError && thrown.code === 'invalid_request') return undefined;
    throw thrown;
  }
}

/** What the person can change. Everything else is not theirs to know. */
function problemOf(thrown: unknown): Omit<Refusal, 'entered'> {
  const error = asKeywardError(thrown);
  if (error.code !== 'invalid_request') throw error;
  return { errors: {}, problem: error.message };
}

function isRegistered(offer: Offer): offer is RegisteredOffer {
  return offer.app !== null;
}

function backTo(token: string): ConnectAnswer {
  return { kind: 'redirect', outcome: 'waiting', url: `/connect/${token}` };
}
