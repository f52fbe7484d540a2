import { asKeywardError, type KeywardError } from '@keyward/contracts';
import { connectedProvider, OAuthError } from '@keyward/oauth';
import type { DeviceAuthorizationEntity } from '@keyward/postgres';
import { grantOf } from './acquire-grant.js';
import { ending, endingOf, type ConnectAnswer, type Ending } from './answer.js';
import type { Authorizer } from './completers.js';
import { forgetDevice, pollDevice, type DeviceOptions } from './device.js';
import { identifyAccount } from './identify-account.js';
import type { Offer } from './offer.js';
import { recordFailure } from './record-failure.js';
import type { OpenedSession, SessionPages } from './session-pages.js';
import { targetOf } from './session-target.js';
import { storeGrant, type StoreGrantOptions } from './store-grant.js';

export interface PollSessionOptions extends DeviceOptions, StoreGrantOptions {
  pages: SessionPages;
  onFailure: (error: KeywardError, ending: Ending) => void;
}

/** The page with the code was opened or has asked again: whether the person has decided at the provider. */
export class PollSession {
  constructor(private readonly options: PollSessionOptions) {}

  async poll(
    opened: OpenedSession,
    offer: Offer,
    device: DeviceAuthorizationEntity,
    authorizedBy: Authorizer,
  ): Promise<ConnectAnswer> {
    const { pages, dataSource, onFailure } = this.options;
    const { session } = opened;
    const { app } = offer;
    if (app === null || app.id !== device.providerAppId || device.expiresAt.getTime() <= Date.now()) return this.#expired(opened);
    const askedAt = performance.now();
    try {
      const result = await pollDevice(this.options, device, { ...offer, app });
      if (result?.kind === 'declined') return await this.#declined(opened);
      if (result?.kind === 'expired') return await this.#expired(opened);
      if (result?.kind !== 'granted') return pages.device(opened, offer, device);
      await forgetDevice(dataSource, session);
      const granted = grantOf(connectedProvider(offer, device.parameters), result.tokens, device.parameters);
      const connection = await storeGrant(this.options, {
        target: targetOf(session),
        provider: offer.manifest,
        grant: await identifyAccount(this.options, offer, granted),
        requestedScopes: session.scopes,
        authorizedBy,
        askedAt,
        app,
        session,
      });
      if (connection === undefined) return ending('used');
      if (session.returnUrl !== null) return { kind: 'redirect', outcome: 'connected', connection, url: session.returnUrl };
      return await pages.connected(session, offer.manifest.title, connection);
    } catch (thrown) {
      const error = asKeywardError(thrown);
      const name = error instanceof OAuthError ? endingOf(error) : 'provider';
      onFailure(error, name);
      await forgetDevice(dataSource, session);
      await recordFailure(dataSource, session, { failure: error.code, error });
      return ending(name, session.returnUrl);
    }
  }

  async #declined({ session }: OpenedSession): Promise<ConnectAnswer> {
    await forgetDevice(this.options.dataSource, session);
    await recordFailure(this.options.dataSource, session, { state: 'failed', failure: 'access_denied', chosen: true });
    return ending('denied', session.returnUrl);
  }

  /** The link is still good: opened again, it gives another code. */
  async #expired({ session }: OpenedSession): Promise<ConnectAnswer> {
    await forgetDevice(this.options.dataSource, session);
    await recordFailure(this.options.dataSource, session, { failure: 'code_expired' });
    return ending('code_expired', session.returnUrl);
  }
}
