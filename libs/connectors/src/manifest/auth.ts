import { z } from 'zod';
import { scopesSchema } from './scopes.js';
import {
  assertionSchema,
  signingAlgorithms,
  tokenRequestSchema,
  tokenResponseSchema,
  tokenStepSchema,
} from './token-endpoint.js';
import { endpointTemplateSchema, parameterNameSchema, parametersSchema, pointerSchema, templateSchema } from './template.js';
import { endpointUrlSchema, headerNameSchema } from './url-rules.js';
import { userAuthorizationSchema } from './user-authorization.js';

/** Member names are those of RFC 8414 and RFC 7591 where those have one. */
const tokenEndpoint = {
  issuer: endpointTemplateSchema.optional().describe('Issuer identifier (RFC 8414 section 2); compared with `iss` (RFC 9207)'),
  token_endpoint: endpointTemplateSchema,
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth', 'none'])
    .default('client_secret_basic'),
  token_endpoint_auth_signing_alg: z.enum(signingAlgorithms).default('RS256').describe('For private_key_jwt'),
  token_endpoint_client_assertion: z
    .strictObject({
      header: z.record(z.string().min(1).max(64), templateSchema).default({}).describe('Such as kid: ${app.key_id}'),
      claims: z
        .record(z.string().min(1).max(64), templateSchema)
        .default({})
        .describe('In the place of what RFC 7523 says; aud, for a server that has no issuer or wants another audience'),
    })
    .prefault({})
    .describe('For private_key_jwt, where the assertion is not as in RFC 7523 with the issuer as audience'),
  token_request: tokenRequestSchema.prefault({}),
  token_response: tokenResponseSchema.prefault({}),
  steps: z.array(tokenStepSchema).max(4).default([]).describe('Requests after the first, until the token is there'),
  revocation_endpoint: endpointTemplateSchema.optional().describe('RFC 7009'),
  introspection_endpoint: endpointTemplateSchema.optional().describe('RFC 7662; asked where no lifetime is stated otherwise'),
  resource: endpointTemplateSchema.optional().describe('RFC 8707: sent with every authorization and token request'),
  scopes: scopesSchema.prefault({}),
};

/** How an authorization request deviates from RFC 6749 section 4.1.1. */
const authorizationRequestSchema = z.strictObject({
  parameters_in: z.enum(['query', 'fragment']).default('query').describe('fragment: behind the # of authorization_endpoint'),
  fragment: z
    .string()
    .regex(/^\/[A-Za-z0-9/_-]{0,100}$/)
    .optional()
    .describe('What stands behind the # before the parameters'),
  response_type: z
    .string()
    .regex(/^[a-z_ ]{1,40}$/)
    .default('code'),
  rename: z
    .record(parameterNameSchema, parameterNameSchema)
    .default({})
    .refine((names) => !Object.hasOwn(names, 'state'), 'must leave state alone: the redirect back is known by it')
    .describe('Standard name → the provider’s'),
  omit: z
    .array(parameterNameSchema)
    .max(20)
    .default([])
    .refine((names) => !names.includes('state'), 'must leave state alone: the redirect back is known by it'),
});

/** The redirect back to us, RFC 6749 section 4.1.2. */
const callbackSchema = z.strictObject({
  code_parameter: parameterNameSchema.default('code'),
  webhook: z
    .strictObject({
      code: pointerSchema.describe('Where the webhook’s body has the code'),
      correlation: z
        .strictObject({ body: pointerSchema, callback: parameterNameSchema })
        .describe('What the webhook and the redirect have in common'),
      signature: z
        .strictObject({
          header: headerNameSchema,
          algorithm: z.literal('hmac-sha256').default('hmac-sha256'),
          encoding: z.enum(['hex', 'base64']).default('hex'),
        })
        .describe('HMAC of the raw body with the client secret'),
    })
    .optional()
    .describe('The code does not come with the browser but by a webhook of the provider'),
});

/** RFC 6749 section 4.1 with PKCE (RFC 7636). */
const authorizationCodeSchema = z.strictObject({
  kind: z.literal('oauth2_authorization_code'),
  ...tokenEndpoint,
  authorization_response_iss_parameter_supported: z
    .boolean()
    .default(false)
    .describe('RFC 9207 section 3: an answer without `iss` is then refused'),
  authorization_endpoint: endpointTemplateSchema,
  authorization_request: authorizationRequestSchema.prefault({}),
  authorization_parameters: parametersSchema.describe('Sent along in every authorization request, such as access_type: offline'),
  callback: callbackSchema.prefault({}),
  pkce: z.enum(['S256', 'plain', 'none']).default('S256'),
  pkce_reason: z.string().min(10).max(300).optional().describe('Why it is not S256; needed where it is not'),
});

/** RFC 6749 section 4.4. */
const clientCredentialsSchema = z.strictObject({ kind: z.literal('oauth2_client_credentials'), ...tokenEndpoint });

/** RFC 8628. */
const deviceAuthorizationSchema = z.strictObject({
  kind: z.literal('oauth2_device_authorization'),
  ...tokenEndpoint,
  device_authorization_endpoint: endpointTemplateSchema,
});

/** RFC 7523 section 2.1: an assertion signed with the app's key is exchanged for a token. */
const jwtBearerSchema = z.strictObject({
  kind: z.literal('oauth2_jwt_bearer'),
  ...tokenEndpoint,
  assertion: assertionSchema.prefault({}),
  assertion_scope_claim: z
    .string()
    .regex(/^[a-z_]{1,32}$/)
    .optional()
    .describe('Claim that carries the scopes, where the provider reads them there and not in the request'),
  assertion_omit: z
    .array(z.enum(['iss', 'sub', 'aud']))
    .max(3)
    .default([])
    .describe('Claims of RFC 7523 section 3 that the provider understands as something else where they are there'),
});

/** RFC 8693: a token that the caller hands in is exchanged for the provider's. */
const tokenExchangeSchema = z.strictObject({
  kind: z.literal('oauth2_token_exchange'),
  ...tokenEndpoint,
  subject_token_type: z.string().max(200).default('urn:ietf:params:oauth:token-type:id_token'),
  requested_token_type: z.string().max(200).optional(),
  audience: templateSchema.optional(),
});

/** GitHub Apps and their like: a person installs the app; its JWT is exchanged for a token of that installation. */
const appInstallationSchema = z.strictObject({
  kind: z.literal('app_installation'),
  installation_url: endpointTemplateSchema.describe('Where the person installs the app; the state is added to its query'),
  installation_parameter: parameterNameSchema
    .default('installation_id')
    .describe('In the redirect back; becomes ${connection.installation_id}'),
  token_endpoint: endpointTemplateSchema.describe('POST with the app’s JWT as bearer token'),
  token_request: tokenRequestSchema.prefault({}),
  token_response: tokenResponseSchema.prefault({}),
  assertion: assertionSchema.prefault({}),
  user_authorization: userAuthorizationSchema
    .optional()
    .describe('How a person shows that the installation is theirs; left out, the id in the redirect is taken as it comes'),
  scopes: scopesSchema.prefault({}),
});

const help = z
  .strictObject({ text: z.string().min(1).max(500), url: endpointUrlSchema.optional() })
  .optional()
  .describe('Where a person finds it');

const apiKeySchema = z.strictObject({
  kind: z.literal('api_key'),
  label: z.string().min(1).max(80).default('API key'),
  help,
  scopes: scopesSchema.prefault({}),
});

/** The secret is `username:password` (RFC 7617). */
const basicSchema = z.strictObject({
  kind: z.literal('basic'),
  username_label: z.string().min(1).max(80).default('User name'),
  password_label: z.string().min(1).max(80).default('Password'),
  help,
  scopes: scopesSchema.prefault({}),
});

/** A key that the person hands over signs a JWT which itself is what the API takes. */
const signedJwtSchema = z.strictObject({
  kind: z.literal('signed_jwt'),
  label: z.string().min(1).max(80).default('Private key'),
  help,
  key_id_separator: z
    .string()
    .max(1)
    .optional()
    .describe('What the person enters is <key id><separator><key>; ${connection.key_id} is then the former'),
  assertion: assertionSchema,
  scopes: scopesSchema.prefault({}),
});

/** An upstream MCP server: RFC 9728 → RFC 8414 or OpenID Connect Discovery → a registration. Endpoints are found, not declared. */
const mcpSchema = z.strictObject({
  kind: z.literal('mcp_oauth2'),
  resource: endpointTemplateSchema.describe('Address of the MCP server: the resource identifier (RFC 8707, RFC 9728)'),
  registration: z
    .array(z.enum(['pre_registered', 'client_id_metadata_document', 'dynamic']))
    .min(1)
    .default(['pre_registered', 'client_id_metadata_document', 'dynamic'])
    .describe('In this order, the first that is possible'),
  scopes: scopesSchema.prefault({}),
});

const noneSchema = z.strictObject({ kind: z.literal('none'), scopes: scopesSchema.prefault({}) });

export const authSchema = z.discriminatedUnion('kind', [
  authorizationCodeSchema,
  clientCredentialsSchema,
  deviceAuthorizationSchema,
  jwtBearerSchema,
  tokenExchangeSchema,
  appInstallationSchema,
  apiKeySchema,
  basicSchema,
  signedJwtSchema,
  mcpSchema,
  noneSchema,
]);
export type Auth = Readonly<z.infer<typeof authSchema>>;
export type AuthKind = Auth['kind'];
