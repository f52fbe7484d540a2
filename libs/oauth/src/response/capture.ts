import { valueAt } from '@keyward/contracts';
import { checkConnectionParameters, type ProviderManifest } from '@keyward/connectors';
import { malformed, withoutValues } from '../classify.js';

type Parameters = ProviderManifest['connection_parameters'];

/**
 * Connection parameters that the provider states itself, validated by their declared type. What an answer does not say is left out.
 * @throws OAuthError `malformed`
 */
export function captureParameters(provider: ProviderManifest, document: unknown): Record<string, string> {
  const stated: Record<string, Parameters[string]> = {};
  const given: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(provider.connection_parameters)) {
    const { source } = parameter;
    const value = typeof source === 'object' && 'token_response' in source ? valueAt(document, source.token_response) : undefined;
    if (value === undefined || value === null || value === '') continue;
    stated[name] = parameter;
    given[name] = value;
  }
  // Most answers state none, and a manifest that is put together anew is looked through from its beginning.
  return Object.keys(stated).length === 0 ? {} : checked({ ...provider, connection_parameters: stated }, given);
}

/** Of a new grant: everything that is required must have been said by now. @throws OAuthError `malformed` */
export function completeParameters(
  provider: ProviderManifest,
  captured: Readonly<Record<string, string>>,
): Record<string, string> {
  return checked(provider, captured);
}

/** The tokens are issued already: what is wrong with the rest is wrong with the answer, and asking again is no way out. */
function checked(provider: ProviderManifest, given: Readonly<Record<string, unknown>>): Record<string, string> {
  try {
    return checkConnectionParameters(provider, given, 'token_response');
  } catch (thrown) {
    throw malformed(
      provider,
      'what it says of the connection is not what the manifest declares',
      undefined,
      withoutValues(thrown),
    );
  }
}
