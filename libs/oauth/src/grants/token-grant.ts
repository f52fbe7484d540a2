import { deviceAuthorizationRequest, genericTokenEndpointRequest, customFetch } from 'oauth4webapi';
import type { ProviderWith, Scopes } from '@keyward/connectors';
import { classifyThrown } from '../classify.js';
import { authenticate } from '../client-authentication.js';
import { OAuthError } from '../errors.js';
import { withLifetime } from '../introspect.js';
import { readAnswer, type JsonObject } from '../read-answer.js';
import { completeParameters } from '../response/capture.js';
import { clientOf, serverOf, type OAuthProvider } from '../server.js';
import { runSteps } from '../steps.js';
import { requestOptions, tokenRequest, withDeadline } from '../token-request.js';
import type { TokenSet } from '../token-set.js';
import type { OAuthClient, Wire } from '../wire.js';

interface Asked {
  client: OAuthClient;
  scopes: readonly string[];
}

/** A grant whose request is its type and some parameters (RFC 6749 section 4.5), authenticated, with the manifest's steps after it. */
export async function tokenGrant(
  grant: Asked & { provider: OAuthProvider; grantType: string; parameters: Readonly<Record<string, string>> },
  callerWire: Wire,
): Promise<TokenSet> {
  const wire = withDeadline(callerWire);
  const { provider, client, grantType } = grant;
  const { auth } = provider;
  const parameters = {
    ...grant.parameters,
    ...scopeParameter(auth.scopes, grant.scopes),
    // RFC 8707 section 2.2
    ...(auth.resource === undefined ? {} : { resource: auth.resource }),
  };
  const authentication = await authenticate(provider, client);
  const call = {
    provider,
    endpoint: auth.token_endpoint,
    request: auth.token_request,
    response: auth.token_response,
    values: { client },
  };
  const tokens = await tokenRequest(call, wire, (options) =>
    genericTokenEndpointRequest(serverOf(provider), clientOf(client), authentication, grantType, parameters, options),
  );
  const last = await runSteps(provider, auth.steps, client, tokens, wire);
  const captured = completeParameters(provider, last.captured);
  return withLifetime(provider, client, { ...last, captured }, wire);
}

/** RFC 8628 section 3.1 and 3.2. */
export async function deviceRequest(
  { provider, client, scopes }: Asked & { provider: ProviderWith<'oauth2_device_authorization'> },
  wire: Wire,
): Promise<JsonObject> {
  const { auth } = provider;
  const server = { ...serverOf(provider), device_authorization_endpoint: auth.device_authorization_endpoint };
  const call = { provider, endpoint: auth.device_authorization_endpoint, request: auth.token_request, values: { client } };
  const authentication = await authenticate(provider, client);
  const parameters = {
    ...scopeParameter(auth.scopes, scopes),
    ...(auth.resource === undefined ? {} : { resource: auth.resource }),
  };
  const options = requestOptions(call, wire);
  try {
    const response = await deviceAuthorizationRequest(server, clientOf(client), authentication, parameters, options);
    return await readAnswer(provider, auth.token_response, response);
  } catch (thrown) {
    throw thrown instanceof OAuthError ? thrown : classifyThrown(provider, thrown);
  }
}

/** The app's JWT is the bearer token; there is no client authentication besides, and no `grant_type`. */
export async function installationToken(
  { provider, client, jwt }: Asked & { provider: ProviderWith<'app_installation'>; jwt: string },
  wire: Wire,
): Promise<TokenSet> {
  const { token_endpoint: endpoint, token_request: request, token_response: response } = provider.auth;
  return tokenRequest({ provider, endpoint, request, response, values: { client } }, wire, (options) => {
    const send = options[customFetch] ?? fetch;
    const headers = { accept: 'application/json', authorization: `Bearer ${jwt}` };
    return send(endpoint, { method: 'POST', headers, body: new URLSearchParams(), redirect: 'manual' });
  });
}

function scopeParameter(shape: Scopes, scopes: readonly string[]): Record<string, string> {
  if (scopes.length === 0 && shape.when_empty === 'omit') return {};
  return { [shape.parameter]: scopes.join(shape.separator) };
}
