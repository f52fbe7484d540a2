import { AuthorizationResponseError, validateAuthResponse } from 'oauth4webapi';
import { KeywardError } from '@keyward/contracts';
import { checkConnectionParameters, hasAuth, type ProviderManifest, type ProviderWith } from '@keyward/connectors';
import { withoutValues } from './classify.js';
import { clientOf, codeProvider, serverOf } from './server.js';
import type { OAuthClient } from './wire.js';

/** `captured`: connection parameters that came with the browser, validated by their declared type. */
export type Callback =
  | { kind: 'code'; parameters: URLSearchParams; captured: Record<string, string> }
  /** `error` is the server's code where it is one of the known ones, otherwise `other`. */
  | { kind: 'error'; error: CallbackError }
  /** An app was installed: `captured` holds `installation_id`, which proves nothing before `verifyInstallation` has taken `code`. */
  | { kind: 'installed'; captured: Record<string, string>; code?: string }
  /** The code comes by a webhook that names the same `correlation`. */
  | { kind: 'awaiting_webhook'; correlation: string; captured: Record<string, string> };

/** RFC 6749 section 4.1.2.1. */
const CALLBACK_ERRORS = [
  'access_denied',
  'invalid_request',
  'unauthorized_client',
  'unsupported_response_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
] as const;
export type CallbackError = (typeof CALLBACK_ERRORS)[number] | 'other';

/** Far above any real one; what is longer only costs. */
const MAX_VALUE_LENGTH = 8192;

const refuse = (reason: string, cause?: unknown) =>
  new KeywardError('invalid_request', `The provider's answer is not valid: ${reason}.`, cause === undefined ? {} : { cause });

/**
 * Reads what the provider sent back with the browser. `state` must have been verified before: what is checked here is the answer
 * itself, every parameter at most once (RFC 6749 section 3.1), either a code or an error, and the issuer (RFC 9207 section 2.4).
 * @throws KeywardError `invalid_request`
 */
export function readCallback(
  provider: ProviderManifest,
  client: Pick<OAuthClient, 'clientId'>,
  query: URLSearchParams,
  state: string,
): Callback {
  for (const name of new Set(query.keys())) {
    if (query.getAll(name).length > 1) throw refuse('a parameter is repeated');
  }
  if (hasAuth(provider, 'app_installation')) return readInstallation(provider, query, state);
  const codeFlow = codeProvider(provider);
  const { code_parameter, webhook } = codeFlow.auth.callback;
  const code = query.get(code_parameter);
  if (code !== null && query.has('error')) throw refuse('it holds both a code and an error');
  const answer = checkAnswer(codeFlow, client, standardised(codeFlow, query), state);
  if (typeof answer === 'string') return { kind: 'error', error: answer };
  if (webhook !== undefined) {
    const correlation = query.get(webhook.correlation.callback);
    if (!isValue(correlation)) throw refuse('it does not say which webhook belongs to it');
    return { kind: 'awaiting_webhook', correlation, captured: capture(provider, query) };
  }
  if (!isValue(code)) throw refuse('it holds neither a code nor an error');
  return { kind: 'code', parameters: answer, captured: capture(provider, query) };
}

/** The parameters of RFC 6749 and RFC 9207 by their own names, and nothing else: the rest has a meaning to the manifest alone. */
function standardised({ auth }: ProviderWith<'oauth2_authorization_code'>, query: URLSearchParams): URLSearchParams {
  const known = new URLSearchParams(query);
  const code = query.get(auth.callback.code_parameter);
  known.delete('code');
  if (code !== null) known.set('code', code);
  // OpenID Connect's hybrid flow sends one along (Core section 3.3.2.5). It is not used: the code is bound by PKCE and state.
  if (auth.authorization_request.response_type.split(' ').includes('id_token')) known.delete('id_token');
  return known;
}

/** oauth4webapi's checks. A text is the code of an error that the server reports. */
function checkAnswer(
  provider: ProviderManifest,
  client: Pick<OAuthClient, 'clientId'>,
  answer: URLSearchParams,
  state: string,
): URLSearchParams | CallbackError {
  try {
    return validateAuthResponse(serverOf(provider), clientOf(client), answer, state);
  } catch (thrown) {
    if (thrown instanceof AuthorizationResponseError) {
      return CALLBACK_ERRORS.find((known) => known === thrown.error) ?? 'other';
    }
    throw refuse('it does not come from the server that was asked', withoutValues(thrown));
  }
}

/** GitHub's and its like: the id of what was installed, and a code where the manifest says that the person authorizes the app besides. */
function readInstallation(provider: ProviderWith<'app_installation'>, query: URLSearchParams, state: string): Callback {
  if (query.get('state') !== state) throw refuse('it does not come from the server that was asked');
  if (query.has('error'))
    return { kind: 'error', error: CALLBACK_ERRORS.find((known) => known === query.get('error')) ?? 'other' };
  const { installation_parameter, user_authorization: person } = provider.auth;
  if (!isValue(query.get(installation_parameter))) throw refuse('nothing was installed');
  const captured = capture(provider, query, { installation_id: installation_parameter });
  if (person === undefined) return { kind: 'installed', captured };
  const code = query.get(person.code_parameter);
  if (!isValue(code)) throw refuse('it does not show whose installation that is');
  return { kind: 'installed', captured, code };
}

/** @param own parameters that the kind of grant brings, each with its name in the redirect */
function capture(provider: ProviderManifest, query: URLSearchParams, own: Record<string, string> = {}): Record<string, string> {
  const named = new Map(Object.entries(own));
  for (const [name, { source }] of Object.entries(provider.connection_parameters)) {
    if (typeof source === 'object' && 'callback' in source) named.set(name, source.callback);
  }
  const given: Record<string, string> = {};
  for (const [name, parameter] of named) {
    const value = query.get(parameter);
    if (value !== null) given[name] = value;
  }
  return checkConnectionParameters(provider, given, 'callback');
}

function isValue(value: string | null): value is string {
  return value !== null && value !== '' && value.length <= MAX_VALUE_LENGTH;
}
