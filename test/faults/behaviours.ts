/** What a provider makes of a refresh token that is used: the four ways that recovery differs by. */
export const behaviours = ['lasting', 'strict', 'lenient', 'probed'] as const;
export type Behaviour = (typeof behaviours)[number];

/** How long the lenient one takes a rotated token again. */
export const GRACE_SECONDS = 20;

export const titles: Record<Behaviour, string> = {
  lasting: 'no rotation',
  strict: 'rotation',
  lenient: 'rotation with grace',
  probed: 'rotation with introspection',
};

const refresh: Record<Behaviour, string> = {
  lasting: '{ rotates: false }',
  strict: '{ rotates: true }',
  lenient: `{ rotates: true, reuse_grace_seconds: ${GRACE_SECONDS} }`,
  probed: '{ rotates: true, recovery_probe: introspection }',
};

export function rotates(behaviour: Behaviour): boolean {
  return behaviour !== 'lasting';
}

/** connector.yaml. One server may stand behind several of them; where, the variable `url` says. */
export function manifestOf(behaviour: Behaviour): string {
  const introspection = behaviour === 'probed' ? '\n  introspection_endpoint: ${url}/token/introspection' : '';
  return `name: ${behaviour}
title: ${titles[behaviour]}
variables:
  url: where it listens
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: \${url}/auth
  token_endpoint: \${url}/token
  revocation_endpoint: \${url}/token/revocation${introspection}
  token_endpoint_auth_method: client_secret_basic
  pkce: S256
refresh: ${refresh[behaviour]}
base_url: \${url}/api
origins: ['\${url}']
`;
}
