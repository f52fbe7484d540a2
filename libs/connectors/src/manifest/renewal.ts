import type { Auth, AuthKind } from './auth.js';
import type { refreshSchema } from './lifecycle.js';
import type { z } from 'zod';

/** How an access token is followed by the next one, without the person. */
export type Renewal = 'refresh_token' | 'reissue' | 'exchange' | 'none';

const BY_KIND: Record<AuthKind, Renewal> = {
  oauth2_authorization_code: 'refresh_token',
  oauth2_device_authorization: 'refresh_token',
  mcp_oauth2: 'refresh_token',
  oauth2_client_credentials: 'reissue',
  oauth2_jwt_bearer: 'reissue',
  oauth2_token_exchange: 'reissue',
  app_installation: 'reissue',
  signed_jwt: 'reissue',
  api_key: 'none',
  basic: 'none',
  none: 'none',
};

export interface Renewable {
  readonly auth: Auth;
  readonly refresh: Readonly<z.infer<typeof refreshSchema>>;
}

/** As the manifest says it, or as it suits the kind of grant. */
export function renewalOf({ auth, refresh }: Renewable): Renewal {
  return refresh.method ?? (refresh.exchange === undefined ? BY_KIND[auth.kind] : 'exchange');
}

type Refuse = (path: PropertyKey[], message: string) => void;

/** What a manifest says of refreshing and contradicts elsewhere: nobody is left to ask once an answer is lost. */
export function refuseContradictions(manifest: Renewable, refuse: Refuse): void {
  const { auth, refresh } = manifest;
  if (refresh.maximum_margin_seconds < refresh.minimum_margin_seconds)
    refuse(['refresh', 'maximum_margin_seconds'], 'must not be less than minimum_margin_seconds');
  if (refresh.reuse_grace_seconds > 0 && !refresh.rotates)
    refuse(['refresh', 'reuse_grace_seconds'], 'needs rotates: a refresh token that is not spent by use has no grace');
  if (
    refresh.recovery_probe === 'introspection' &&
    !('introspection_endpoint' in auth && auth.introspection_endpoint !== undefined)
  )
    refuse(['refresh', 'recovery_probe'], 'needs auth.introspection_endpoint');
  if (renewalOf(manifest) === 'refresh_token') return;
  for (const path of aboutRefreshTokens(manifest)) refuse(path, 'is said of refresh tokens, and this is renewed in another way');
}

/** Where something is said that only a refresh token can have. */
function aboutRefreshTokens({ auth, refresh }: Renewable): PropertyKey[][] {
  const answers: [PropertyKey[], { refresh_expires?: unknown } | undefined][] = [
    [['auth', 'token_response'], 'token_response' in auth ? auth.token_response : undefined],
    [['refresh', 'response'], refresh.response],
    ...('steps' in auth ? auth.steps : []).map(({ response }, index): [PropertyKey[], typeof response] => [
      ['auth', 'steps', index, 'response'],
      response,
    ]),
  ];
  return [
    ...(refresh.refresh_token_lifetime_days === undefined ? [] : [['refresh', 'refresh_token_lifetime_days']]),
    ...(refresh.recovery_probe === undefined ? [] : [['refresh', 'recovery_probe']]),
    ...answers.filter(([, answer]) => answer?.refresh_expires !== undefined).map(([path]) => [...path, 'refresh_expires']),
  ];
}
