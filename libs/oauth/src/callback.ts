import { AuthorizationResponseError, validateAuthResponse } from 'oauth4webapi';
import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest } from '@keyward/connectors';
import type { OAuthClient } from './wire.js';
import { withoutValues } from './classify.js';
import { clientOf, serverOf } from './server.js';

export type Callback =
  | { kind: 'code'; parameters: URLSearchParams }
  /** `error` is the server's code where it is one of the known ones, otherwise `other`. */
  | { kind: 'error'; error: CallbackError };

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

const refuse = (reason: string, cause?: unknown) =>
  new KeywardError('invalid_request', `The provider's answer is not valid: ${reason}.`, cause === undefined ? {} : { cause });

/**
 * Reads what the provider sent back with the browser. `state` must have been verified before: what is checked here is the answer
 * itself, every parameter at most once (RFC 6749 section 3.1), either a code or an error, and the issuer (RFC 9207 section 2.4).
 * @throws KeywardError `invalid_request`
 */
export function readCallback(provider: ProviderManifest, client: OAuthClient, query: URLSearchParams, state: string): Callback {
  for (const name of new Set(query.keys())) {
    if (query.getAll(name).length > 1) throw refuse('a parameter is repeated');
  }
  const code = query.get('code');
  if (code !== null && query.has('error')) throw refuse('it holds both a code and an error');
  try {
    const parameters = validateAuthResponse(serverOf(provider), clientOf(client), query, state);
    if (code === null || code === '') throw refuse('it holds neither a code nor an error');
    return { kind: 'code', parameters };
  } catch (thrown) {
    if (thrown instanceof KeywardError) throw thrown;
    if (thrown instanceof AuthorizationResponseError) {
      return { kind: 'error', error: CALLBACK_ERRORS.find((known) => known === thrown.error) ?? 'other' };
    }
    throw refuse('it does not come from the server that was asked', withoutValues(thrown));
  }
}
