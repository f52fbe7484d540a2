import { asKeywardError, type ConnectionTest, type KeywardError } from '@keyward/contracts';
import { connectedProvider, OAuthError, type OAuthFailure } from '@keyward/oauth';
import type { ConnectSessionEntity } from '@keyward/postgres';
import { probeConnection } from '../connections/probe.js';
import { acquireGrant, type AcquireGrantOptions } from './acquire-grant.js';
import type { Authorizer } from './completers.js';
import { secretField } from './entered.js';
import type { Grant } from './grant.js';
import type { Offer } from './offer.js';
import { targetOf } from './session-target.js';
import { storeGrant, type StoreGrantOptions } from './store-grant.js';

export type ConnectHereOptions = StoreGrantOptions & AcquireGrantOptions;

export interface HereRequest {
  session: ConnectSessionEntity;
  offer: Offer;
  parameters: Record<string, string>;
  secret: string | undefined;
  authorizedBy: Authorizer;
}

export type HereResult =
  | { kind: 'connected'; connection: string }
  | { kind: 'ended' }
  /** Nothing was stored; the person can try again. */
  | { kind: 'refused'; problem: string; errors: Record<string, string>; error?: KeywardError };

/** A connection for which the browser need not leave: what was entered, or the registration alone, is enough. Probed before it is stored. */
export async function connectHere(options: ConnectHereOptions, request: HereRequest): Promise<HereResult> {
  const { session, offer, parameters, secret, authorizedBy } = request;
  const askedAt = performance.now();
  let grant: Grant;
  try {
    const provider = connectedProvider(offer, parameters);
    grant = await acquireGrant(options, { provider, app: offer.app, parameters, scopes: session.scopes, secret });
  } catch (thrown) {
    return notAcquired(offer, secret, asKeywardError(thrown));
  }
  const provider = connectedProvider(offer, grant.parameters);
  const probe = await probeConnection(options, { provider, secret: grant.accessToken, app: offer.app });
  if (probe.outcome === 'refused' || probe.outcome === 'unreachable') return notWorking(offer, secret, probe);
  const connection = await storeGrant(options, {
    target: targetOf(session),
    provider: offer.manifest,
    grant: { ...grant, account: probe.account },
    requestedScopes: session.scopes,
    authorizedBy,
    askedAt,
    app: offer.app,
    session,
  });
  return connection === undefined ? { kind: 'ended' } : { kind: 'connected', connection };
}

const refused = (title: string) => `${title} refused. Nothing was stored; ask whoever sent you the link.`;
const PROBLEMS: Record<OAuthFailure, (title: string) => string> = {
  transient: (title) => `${title} does not answer right now. Nothing was stored; try again in a moment.`,
  invalid_client: (title) =>
    `${title} does not accept this service. This is not your fault, and nothing was stored; ask whoever sent you the link.`,
  invalid_grant: refused,
  malformed: refused,
  rejected: refused,
};

/** What the person can do something about is said at the field; everything else is the caller's to report. */
function notAcquired({ manifest }: Offer, secret: string | undefined, error: KeywardError): HereResult {
  if (error instanceof OAuthError) {
    return { kind: 'refused', problem: PROBLEMS[error.failure](manifest.title), errors: {}, error };
  }
  if (error.code !== 'invalid_request') throw error;
  if (secret === undefined) return { kind: 'refused', problem: error.message, errors: {}, error };
  return { kind: 'refused', problem: 'It can not be used as it is.', errors: { [secretField(manifest)]: error.message }, error };
}

type ProbeResult = Pick<ConnectionTest, 'outcome' | 'providerStatus'>;

function notWorking({ manifest }: Offer, secret: string | undefined, { outcome, providerStatus }: ProbeResult): HereResult {
  const { title } = manifest;
  if (outcome === 'unreachable') {
    const problem = `${title} could not be asked whether this works. Nothing was stored; try again in a moment.`;
    return { kind: 'refused', problem, errors: {} };
  }
  const status = providerStatus === undefined ? '' : ` (status ${providerStatus})`;
  if (secret === undefined)
    return { kind: 'refused', problem: `${title} refuses the access${status}. Nothing was stored.`, errors: {} };
  const again = `${title} does not accept it${status}. Check it and enter it again.`;
  return { kind: 'refused', problem: 'Nothing was stored.', errors: { [secretField(manifest)]: again } };
}
