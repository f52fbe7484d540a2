import { processDynamicClientRegistrationResponse } from 'oauth4webapi';
import { withoutValues } from '../classify.js';
import { refused, unavailable } from '../discovery/errors.js';
import { fetchDocument } from '../discovery/fetch-document.js';
import type { ServerMetadata } from '../discovery/server-metadata.js';
import type { DiscoveryWire } from '../discovery/wire.js';
import type { OAuthClient } from '../wire.js';
import { clientMetadata, type ClientDescription } from './client-metadata.js';

/** A secret where the server takes one: a client that can keep it is harder to pose as. */
const METHODS = ['client_secret_basic', 'client_secret_post', 'none'] as const;
type AuthMethod = (typeof METHODS)[number];

/** RFC 6749 appendix A.1 and A.2. */
const PRINTABLE = /^[\x20-\x7e]{1,4096}$/;

/**
 * RFC 7591 section 3.
 * @throws KeywardError `provider_error`, `provider_unavailable`
 */
export async function registerDynamically(
  server: ServerMetadata,
  description: ClientDescription,
  wire: DiscoveryWire,
): Promise<{ client: OAuthClient; authMethod: AuthMethod }> {
  const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const wanted = METHODS.find((method) => offered.includes(method));
  if (wanted === undefined) throw refused('it offers no way for a client to authenticate that a registration can have');
  const metadata = { ...clientMetadata(description), token_endpoint_auth_method: wanted };
  const answer = await fetchDocument(wire, new URL(server.registration_endpoint ?? ''), {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(metadata),
  });
  if (answer.status >= 500 || answer.status === 429) throw unavailable();
  // RFC 7591 section 3.2.1 says 201; a few say 200 and mean it.
  if ((answer.status !== 201 && answer.status !== 200) || answer.json === undefined)
    throw refused('it did not register a client');
  return readRegistration(answer.json, wanted, description.redirectUri);
}

async function readRegistration(json: Record<string, unknown>, wanted: AuthMethod, redirectUri: string) {
  const { client_id: clientId, client_secret: clientSecret } = json;
  try {
    await processDynamicClientRegistrationResponse(
      Response.json({ ...json, client_secret_expires_at: json['client_secret_expires_at'] ?? 0 }, { status: 201 }),
    );
  } catch (thrown) {
    throw refused('what it registered is not a client', withoutValues(thrown));
  }
  if (typeof clientId !== 'string' || !PRINTABLE.test(clientId)) throw refused('what it registered has no usable client id');
  const uris = json['redirect_uris'];
  // RFC 7591 section 3.2.1: the server answers with what it has registered, which it may have changed.
  if (uris !== undefined && !(Array.isArray(uris) && uris.includes(redirectUri)))
    throw refused('it registered another redirect URI');
  const authMethod = METHODS.find((method) => method === (json['token_endpoint_auth_method'] ?? wanted));
  if (authMethod === undefined) throw refused('it registered a way to authenticate that was not asked for');
  if (authMethod === 'none') return { client: { clientId }, authMethod };
  if (typeof clientSecret !== 'string' || !PRINTABLE.test(clientSecret))
    throw refused('it registered a client without its secret');
  return { client: { clientId, clientSecret }, authMethod };
}
