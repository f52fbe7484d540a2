import type { AuthKind, ProviderManifest } from '@keyward/connectors';
import type { ConsentWay } from '../pages/consent-page.js';

/** How each kind of grant is made with a person at a browser; undefined: it is not, a token is handed in by API instead. */
const WAYS: Record<AuthKind, ConsentWay | undefined> = {
  oauth2_authorization_code: 'redirect',
  app_installation: 'redirect',
  mcp_oauth2: 'redirect',
  oauth2_device_authorization: 'device',
  api_key: 'form',
  basic: 'form',
  signed_jwt: 'form',
  oauth2_client_credentials: 'here',
  oauth2_jwt_bearer: 'here',
  none: 'here',
  oauth2_token_exchange: undefined,
};

export function wayOf({ auth }: ProviderManifest): ConsentWay | undefined {
  return WAYS[auth.kind];
}

const WITHOUT_REGISTRATION: readonly AuthKind[] = ['api_key', 'basic', 'signed_jwt', 'none'];

/** Whether connecting needs a client of the organization at the provider. */
export function needsRegistration({ auth, app_parameters }: ProviderManifest): boolean {
  return !WITHOUT_REGISTRATION.includes(auth.kind) || Object.keys(app_parameters).length > 0;
}
