import { fragment, secret } from '@keyward/service-host';
import { z } from 'zod';
import { isReturnUrl } from '../connect/return-url.js';

export interface OidcConfig {
  issuer: string;
  clientId: string;
  clientSecret: string;
  scopes: string[];
}

/** The identity provider of the people who administer. Left out: the admin token is the one way in. */
export const oidcConfig = fragment(
  {
    KEYWARD_OIDC_ISSUER: z
      .string()
      .refine((text) => isReturnUrl(text) && !text.includes('?'), {
        message: 'it must be an https URL without a query; http only on 127.0.0.1, [::1] or localhost',
      })
      .describe('the issuer of your OpenID provider, such as https://accounts.example.com')
      .optional(),
    KEYWARD_OIDC_CLIENT_ID: z.string().min(1).max(512).optional(),
    KEYWARD_OIDC_CLIENT_SECRET: secret(z.string().min(1).max(4096).optional()),
    KEYWARD_OIDC_SCOPES: z
      .string()
      .transform((text) => text.split(' ').filter((scope) => scope !== ''))
      .refine((scopes) => scopes.includes('openid'), { message: 'it must contain openid' })
      .optional(),
  },
  (env, report): OidcConfig | undefined => {
    const { KEYWARD_OIDC_ISSUER: issuer, KEYWARD_OIDC_CLIENT_ID: clientId, KEYWARD_OIDC_CLIENT_SECRET: clientSecret } = env;
    const scopes = env.KEYWARD_OIDC_SCOPES ?? ['openid', 'email', 'profile'];
    if (issuer !== undefined && clientId !== undefined && clientSecret !== undefined)
      return { issuer, clientId, clientSecret, scopes };
    if ([issuer, clientId, clientSecret, env.KEYWARD_OIDC_SCOPES].some((value) => value !== undefined))
      report(
        'KEYWARD_OIDC_ISSUER, KEYWARD_OIDC_CLIENT_ID and KEYWARD_OIDC_CLIENT_SECRET belong together. Set all three, or none of them.',
      );
    return undefined;
  },
);
