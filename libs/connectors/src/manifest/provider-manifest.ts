import { slugSchema } from '@keyward/contracts';
import { z } from 'zod';
import { endpointUrlSchema, headerNameSchema, isCleanBaseUrl, isSerialisedOrigin } from './url-rules.js';

const origin = endpointUrlSchema
  .refine(isSerialisedOrigin, 'must be an origin alone: scheme, host and port, no path, no trailing slash')
  .describe('Scheme, host and port, as in https://api.example.com');

const scope = z
  .string()
  // RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'must be a scope token of RFC 6749 section 3.3');

const scopesSchema = z.strictObject({
  default: z.array(scope).max(100).describe('What a connect session asks for when it names no scopes'),
  separator: z.enum([' ', ',']).default(' ').describe('Between scopes in the authorization request; RFC 6749 says a space'),
  descriptions: z
    .record(z.string(), z.string().min(1).max(200))
    .default({})
    .describe('What each scope allows, in words for the person who consents'),
});

/** RFC 6749 section 4.1 with PKCE (RFC 7636). Member names are those of RFC 8414 and RFC 7591 where those have one. */
const authorizationCodeSchema = z.strictObject({
  kind: z.literal('oauth2_authorization_code'),
  issuer: endpointUrlSchema.optional().describe('Issuer identifier (RFC 8414 section 2); compared with `iss` (RFC 9207)'),
  authorization_response_iss_parameter_supported: z
    .boolean()
    .default(false)
    .describe('RFC 9207 section 3: an answer without `iss` is then refused'),
  authorization_endpoint: endpointUrlSchema,
  token_endpoint: endpointUrlSchema,
  revocation_endpoint: endpointUrlSchema.optional().describe('RFC 7009'),
  scopes: scopesSchema,
  token_endpoint_auth_method: z.enum(['client_secret_basic', 'client_secret_post', 'none']).default('client_secret_basic'),
  pkce: z.literal('S256').default('S256'),
  authorization_parameters: z
    .record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), z.string().max(512))
    .default({})
    .describe('Sent along in every authorization request, such as access_type: offline'),
});

const refreshSchema = z.strictObject({
  rotates: z.boolean().describe('Whether redeeming a refresh token ends its validity'),
  margin: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.2)
    .describe('Share of its lifetime that an access token has left when it is refreshed ahead of time'),
  reuse_grace_seconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(0)
    .describe('How long the provider still takes a rotated refresh token; 0: replaying one revokes the family'),
});

const credentialSchema = z.strictObject({
  in: z.literal('header'),
  name: headerNameSchema.default('authorization'),
  prefix: z
    .string()
    .regex(/^[\x20-\x7e]{0,32}$/, 'must be printable ASCII')
    .default('Bearer '),
});

const limitsSchema = z.strictObject({
  max_response_bytes: z
    .int()
    .min(1024)
    .max(64 * 1_048_576)
    .default(1_048_576)
    .describe('Of a decoded answer; a larger one is response_too_large'),
  max_attempts: z.int().min(1).max(10).default(3).describe('Requests at most per execution, retries included'),
});

export const variableNameSchema = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be 1 to 32 of a-z 0-9 _');

/**
 * `connectors/<name>/connector.yaml`: a provider, as data. `${name}` in any string stands for a variable that the deployment sets;
 * this schema sees the text after substitution.
 */
export const providerManifestSchema = z
  .strictObject({
    name: slugSchema.describe('Connector and provider name; also the name of the folder'),
    title: z.string().min(1).max(80),
    description: z.string().max(500).default(''),
    variables: z
      .record(variableNameSchema, z.string().min(1).max(200))
      .default({})
      .describe('What the deployment must set, each with what it is'),
    auth: z.discriminatedUnion('kind', [authorizationCodeSchema]),
    refresh: refreshSchema,
    base_url: endpointUrlSchema
      .refine(isCleanBaseUrl, 'must have no query, no fragment, no dot segments and no trailing slash')
      .describe('Tools’ paths are appended to it; no request leaves its origin and path'),
    origins: z.array(origin).min(1).max(20).describe('Where the credential may be sent, and nowhere else'),
    credential: credentialSchema.default({ in: 'header', name: 'authorization', prefix: 'Bearer ' }),
    propagate_trace: z
      .boolean()
      .default(false)
      .describe('Send our W3C traceparent along: only to providers that belong to the same house'),
    limits: limitsSchema.default({ max_response_bytes: 1_048_576, max_attempts: 3 }),
  })
  .refine(({ base_url, origins }) => !URL.canParse(base_url) || origins.includes(new URL(base_url).origin), {
    path: ['origins'],
    message: 'must contain the origin of base_url',
  });
export type ProviderManifest = Readonly<z.infer<typeof providerManifestSchema>>;

/** Where the OAuth protocol itself goes: what auth-service and token-refresher may reach for this provider. */
export function authorizationServerOrigins({ auth }: ProviderManifest): string[] {
  const endpoints = [auth.issuer, auth.authorization_endpoint, auth.token_endpoint, auth.revocation_endpoint];
  return [...new Set(endpoints.filter((url) => url !== undefined).map((url) => new URL(url).origin))];
}
