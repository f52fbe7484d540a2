import type { OAuthError } from './errors.js';

const REFUSED = 'The provider refuses the registration: its client id or secret is wrong, has expired or has been withdrawn';
const NOT_ALLOWED = 'The provider does not let the registration do this';

/**
 * Why a registration is rejected (`failure` is `invalid_client`), for whoever looks after it. Our words, and the server's error code if it
 * is one of RFC 6749: nothing else that it says is shown.
 */
export function rejectionReason({ oauthError }: OAuthError): string {
  const sentence = oauthError === 'unauthorized_client' ? NOT_ALLOWED : REFUSED;
  return oauthError === undefined ? `${sentence}.` : `${sentence} (${oauthError}).`;
}
