import { asKeywardError } from '@keyward/contracts';
import { connectedProvider } from '@keyward/oauth';
import { ConnectionEntity, withOrg, type ConnectSessionEntity, type DeviceAuthorizationEntity } from '@keyward/postgres';
import type { DataSource } from 'typeorm';
import { consentPage, type ConsentView } from '../pages/consent-page.js';
import { connectedPage } from '../pages/end-pages.js';
import { devicePage, waitingPage } from '../pages/waiting-pages.js';
import { ending, type ConnectAnswer } from './answer.js';
import { fieldsOf, settledParameters, type Entered } from './entered.js';
import { wayOf } from './flow.js';
import type { Offer } from './offer.js';
import type { ConnectSigner } from './secrets.js';
import { namesOf } from './session-store.js';
import { targetOf } from './session-target.js';
import { liveConnection } from './store-grant.js';

/** How often a page that waits asks again. */
const REFRESH_SECONDS = 2;

/** A session, and the browser that it belongs to. */
export interface OpenedSession {
  session: ConnectSessionEntity;
  /** The secret of its link. */
  token: string;
  browser: string;
}

/** What has kept the last attempt from succeeding. */
export interface Refusal {
  entered: Entered;
  errors: Readonly<Record<string, string>>;
  problem?: string;
}

export class SessionPages {
  constructor(
    private readonly dataSource: DataSource,
    private readonly signer: ConnectSigner,
  ) {}

  async consent({ session, token, browser }: OpenedSession, offer: Offer, refusal?: Refusal): Promise<ConnectAnswer> {
    const { manifest } = offer;
    const way = wayOf(manifest);
    if (way === undefined) return ending('unsupported');
    const existing = await withOrg(this.dataSource, session.orgId, (em) =>
      em.findOneBy(ConnectionEntity, liveConnection(targetOf(session))),
    );
    const held = existing?.status === 'active' ? existing.scopes : undefined;
    const added = (name: string) => held !== undefined && !held.includes(name);
    const { descriptions } = manifest.auth.scopes;
    const page = consentPage({
      ...(await namesOf(this.dataSource, session)),
      user: session.userId,
      provider: manifest,
      alias: session.alias,
      settled: settledParameters(manifest, session.parameters),
      scopes: session.scopes.map((name) => ({
        name,
        description: Object.hasOwn(descriptions, name) ? descriptions[name] : undefined,
        added: added(name),
      })),
      way,
      existing: existingState(held, session.scopes.some(added)),
      fields: fieldsOf(manifest, session.parameters, refusal?.entered, refusal?.errors),
      problem: refusal?.problem,
      action: `/connect/${token}`,
      csrfToken: this.signer.formToken(session.id, browser),
      formTargets: formTargets(offer, session),
    });
    return { kind: 'page', outcome: refusal === undefined ? 'shown' : 'not_accepted', page, browser };
  }

  device({ session, token, browser }: OpenedSession, { manifest }: Offer, device: DeviceAuthorizationEntity): ConnectAnswer {
    const now = Date.now();
    const page = devicePage({
      provider: manifest.title,
      userCode: device.userCode,
      verificationUri: device.verificationUri,
      verificationUriComplete: device.verificationUriComplete,
      minutesLeft: Math.max(1, Math.floor((device.expiresAt.getTime() - now) / 60_000)),
      refreshSeconds: device.intervalSeconds,
      action: `/connect/${token}`,
      csrfToken: this.signer.formToken(session.id, browser),
    });
    return { kind: 'page', outcome: 'waiting', page };
  }

  /** Another request does the work just now, or the provider's message is on its way. */
  waiting(provider: string, refresh?: string): ConnectAnswer {
    const page = waitingPage({
      provider,
      refreshSeconds: REFRESH_SECONDS,
      ...(refresh === undefined ? {} : { action: refresh }),
    });
    return { kind: 'page', outcome: 'waiting', page };
  }

  async connected(session: ConnectSessionEntity, provider: string, connection: string): Promise<ConnectAnswer> {
    const { agents } = await namesOf(this.dataSource, session);
    const row = await withOrg(this.dataSource, session.orgId, (em) =>
      em.findOneBy(ConnectionEntity, { id: connection, orgId: session.orgId }),
    );
    const page = connectedPage({
      provider,
      agents,
      user: session.userId,
      account: row?.accountName ?? row?.accountId ?? undefined,
      returnUrl: session.returnUrl,
    });
    return { kind: 'page', outcome: 'connected', connection, page };
  }
}

function existingState(held: readonly string[] | undefined, widened: boolean): ConsentView['existing'] {
  if (held === undefined) return 'none';
  return widened ? 'widened' : 'same';
}

/** Besides ourselves, where the answer to the form may redirect to. What is not known before it is entered is https. */
function formTargets(offer: Offer, { parameters, returnUrl }: ConnectSessionEntity): string[] {
  const targets = returnUrl === null ? [] : [returnUrl];
  try {
    const { auth } = connectedProvider(offer, parameters);
    if ('authorization_endpoint' in auth) targets.push(auth.authorization_endpoint);
    if ('installation_url' in auth) targets.push(auth.installation_url);
  } catch (thrown) {
    if (asKeywardError(thrown).code !== 'invalid_request') throw thrown;
  }
  return [...new Set(targets.map((url) => new URL(url).origin))];
}
