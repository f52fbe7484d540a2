import { EgressError } from '../egress-error.js';

/** What Node and undici tell errors apart by. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** What undici, the socket or the resolver reported, as an error that may be shown. */
export function classifyFailure(error: unknown, started: boolean): EgressError {
  if (error instanceof EgressError) return error;
  switch (errorCode(error)) {
    case 'UND_ERR_HEADERS_OVERFLOW':
      return new EgressError('response_too_large', 'The header fields of the provider’s answer are too large.', true, {
        cause: error,
      });
    case 'UND_ERR_INVALID_ARG':
      return new EgressError('internal', 'The request to the provider could not be written.', false, { cause: error });
    case 'UND_ERR_BODY_TIMEOUT':
      return new EgressError('provider_unavailable', 'The provider’s answer stalled.', true, { cause: error });
    default:
      return new EgressError(
        'provider_unavailable',
        started ? 'The connection to the provider broke before it answered.' : 'The provider could not be reached.',
        started,
        { cause: error },
      );
  }
}
