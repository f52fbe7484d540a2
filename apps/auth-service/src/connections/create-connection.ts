import { checkConnectionParameters, hasAuth, type AuthKind, type ProviderManifest } from '@keyward/connectors';
import { KeywardError, type Connection, type CreateConnection } from '@keyward/contracts';
import { connectedProvider } from '@keyward/oauth';
import { withOrg } from '@keyward/postgres';
import { acquireGrant, type AcquireGrantOptions } from '../connect/acquire-grant.js';
import type { Grant, GrantTarget } from '../connect/grant.js';
import { findOffer, type Offer, type OfferOptions } from '../connect/offer.js';
import { storeGrant, type StoreGrantOptions } from '../connect/store-grant.js';
import { requireAgent } from '../identity/agents.js';
import { notFound } from '../identity/not-found.js';
import { requireLiveOrganization } from '../identity/organizations.js';
import type { Actor } from '../records/record.js';
import { probeConnection } from './probe.js';
import { readConnection } from './read-connection.js';

export type CreateConnectionOptions = OfferOptions & AcquireGrantOptions & StoreGrantOptions;

/** Made without anybody at the provider. */
const KINDS = [
  'api_key',
  'basic',
  'signed_jwt',
  'oauth2_client_credentials',
  'oauth2_jwt_bearer',
  'oauth2_token_exchange',
  'none',
] as const satisfies AuthKind[];

/** `POST /v1/connections`: an admin hands over what a connection needs, and no person is sent anywhere. */
export class ConnectWithoutBrowser {
  constructor(private readonly options: CreateConnectionOptions) {}

  /**
   * Check → acquire → probe → store. What fails leaves everything as it was, an earlier connection of the same key included.
   * @throws KeywardError `not_found` (agent, also where there is no such organization), `revoked` (shredded), `invalid_request` with pointers, `provider_error` (the
   * provider refuses what was handed over), `provider_unavailable`, `egress_denied`, `dependency_unavailable`
   */
  async connect(request: CreateConnection, actor: Actor): Promise<Connection> {
    const target = targetOf(request);
    await withOrg(this.options.dataSource, target.org, async (em) => {
      await requireLiveOrganization(em, target.org, notFound('agt'));
      for (const agent of target.agent === null ? target.grantees : [target.agent]) await requireAgent(em, target.org, agent);
    });
    const offer = await this.#offer(target);
    const parameters = checkConnectionParameters(offer.manifest, request.parameters, 'input');
    const scopes = request.scopes ?? offer.manifest.auth.scopes.default;
    const askedAt = performance.now();
    const { app } = offer;
    const acquired = await acquireGrant(this.options, {
      provider: connectedProvider(offer, parameters),
      app,
      parameters,
      scopes,
      secret: secretOf(request, offer.manifest),
    });
    const provider = connectedProvider(offer, acquired.parameters);
    const grant = request.probe ? await this.#probed(provider, app, acquired) : acquired;
    const authorizedBy = { kind: 'admin' as const, id: actor.id };
    const stored = { target, provider, grant, requestedScopes: scopes, authorizedBy, askedAt, app };
    const id = await storeGrant(this.options, stored);
    if (id === undefined) throw new KeywardError('internal', 'The connection was not stored.');
    return withOrg(this.options.dataSource, target.org, (em) => readConnection(em, target.org, id));
  }

  async #offer({ org: orgId, provider }: GrantTarget): Promise<Offer> {
    const manifest = (await this.options.catalogs.of(orgId)).connector(provider);
    if (manifest === undefined) throw refuse('/provider', 'there is no connector of this name');
    if (!hasAuth(manifest, ...KINDS))
      throw refuse('/provider', `${manifest.title} is connected by a person, with a connect session`);
    const offer = await findOffer(this.options, { orgId, provider });
    if (offer === undefined) throw refuse('/provider', `the organization has no registration at ${manifest.title} yet`);
    return offer;
  }

  /** The provider is asked first: what it does not take is not stored. */
  async #probed(provider: ProviderManifest, app: Offer['app'], grant: Grant): Promise<Grant> {
    const probe = await probeConnection(this.options, { provider, secret: grant.accessToken, app });
    const { outcome, providerStatus, account } = probe;
    const details = providerStatus === undefined ? {} : { providerStatus };
    if (outcome === 'unreachable') {
      throw new KeywardError('provider_unavailable', `${provider.title} could not be asked; nothing was stored. Try again.`, {
        details,
      });
    }
    if (outcome === 'refused') {
      throw new KeywardError('provider_error', `${provider.title} does not take this credential; nothing was stored.`, {
        details,
      });
    }
    return outcome === 'working' ? { ...grant, account } : grant;
  }
}

function targetOf({ organization: org, kind, agent, user, agents, provider, alias }: CreateConnection): GrantTarget {
  return { org, kind, agent: agent ?? null, user: user ?? null, provider, alias, grantees: [...new Set(agents)] };
}

/** Spaces and line breaks around a key come with copying it. @throws KeywardError `invalid_request` for what no request could carry */
function secretOf({ secret }: CreateConnection, manifest: ProviderManifest): string | undefined {
  const given = hasAuth(manifest, 'api_key', 'signed_jwt') ? secret?.trim() : secret;
  if (given === undefined) return undefined;
  if (!given.isWellFormed()) throw refuse('/secret', 'it is not valid Unicode');
  // A private key has lines; what a header carries as it is, is printable ASCII (RFC 9110 section 5.5).
  if (hasAuth(manifest, 'api_key', 'basic') && /\p{Cc}/u.test(given)) throw refuse('/secret', 'it holds control characters');
  if (hasAuth(manifest, 'api_key') && manifest.credential.in === 'header' && !/^[\x20-\x7e]+$/.test(given)) {
    throw refuse('/secret', 'it holds characters that a header can not carry');
  }
  return given;
}

function refuse(pointer: string, detail: string): KeywardError {
  return new KeywardError('invalid_request', `The connection can not be made (${pointer}: ${detail}).`, {
    details: { errors: [{ pointer, detail }] },
  });
}
