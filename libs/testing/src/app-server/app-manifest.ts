/** The one app at every AppServer. */
export const APP_CLIENT = { clientId: 'Iv1.app', clientSecret: 'app-secret-canary+/%&' } as const;

export interface AppManifestOptions {
  /** False: the id in the redirect is taken as it comes. */
  userAuthorization?: boolean;
  pkce?: boolean;
}

/** connector.yaml of an AppServer, as JSON. */
export function appManifest(name: string, url: string, options: AppManifestOptions = {}): Record<string, unknown> {
  const { userAuthorization = true, pkce = true } = options;
  return {
    name,
    title: 'Apps',
    auth: {
      kind: 'app_installation',
      installation_url: `${url}/apps/keyward/installations/new`,
      token_endpoint: `${url}/app/installations/\${connection.installation_id}/access_tokens`,
      token_response: { access_token: '/token', scope: '/permissions', expires: { at: '/expires_at', format: 'date_time' } },
      ...(userAuthorization ? { user_authorization: userAuthorizationOf(url, pkce) } : {}),
    },
    revocation: { method: 'DELETE', endpoint: `${url}/installation/token`, authentication: 'bearer' },
    base_url: url,
    origins: [url],
  };
}

function userAuthorizationOf(url: string, pkce: boolean): Record<string, unknown> {
  return {
    ...(pkce ? {} : { pkce: 'none', pkce_reason: 'This server takes no challenge.' }),
    token_endpoint: `${url}/login/oauth/access_token`,
    token_endpoint_auth_method: 'client_secret_post',
    token_request: { headers: { accept: 'application/json' } },
    token_response: {
      failure: { when: { at: '/error' }, code: '/error', codes: { bad_verification_code: 'invalid_grant' } },
    },
    installations: {
      endpoint: `${url}/user/installations`,
      headers: { accept: 'application/vnd.app+json' },
      list: '/installations',
      next_page: 'link',
    },
    revocation: {
      method: 'DELETE',
      endpoint: `${url}/applications/\${client.id}/token`,
      authentication: 'basic',
      request: { format: 'json', parameters: { access_token: '${token.access_token}' } },
      success: [204],
    },
  };
}
