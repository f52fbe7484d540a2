import { checkConnectionParameters, type ProviderManifest } from '@keyward/connectors';
import { valueAt } from './pointer.js';

type Parameters = ProviderManifest['connection_parameters'];

/**
 * Connection parameters that the provider states itself, validated by their declared type. What an answer does not say is left out.
 * @throws KeywardError `invalid_request`
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
  return checkConnectionParameters({ ...provider, connection_parameters: stated }, given, 'token_response');
}

/** Of a new grant: everything that is required must have been said by now. @throws KeywardError `invalid_request` */
export function completeParameters(
  provider: ProviderManifest,
  captured: Readonly<Record<string, string>>,
): Record<string, string> {
  return checkConnectionParameters(provider, captured, 'token_response');
}
