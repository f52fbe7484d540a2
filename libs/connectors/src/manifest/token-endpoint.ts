import { z } from 'zod';
import { headerNameSchema } from './url-rules.js';
import { endpointTemplateSchema, parameterNameSchema, parametersSchema, pointerSchema, templateSchema } from './template.js';

export const signingAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'] as const;

const headersSchema = z.record(headerNameSchema, templateSchema).default({});

/** HMAC over the request, where a provider wants token requests signed besides authenticated. */
const signatureSchema = z.strictObject({
  algorithm: z.literal('hmac-sha256').default('hmac-sha256'),
  over: z
    .enum(['body', 'timestamp_and_body', 'body_and_timestamp', 'sorted_parameters'])
    .describe('What is signed; sorted_parameters: name=value pairs in the order of their names, joined by &'),
  encoding: z.enum(['hex', 'base64']).default('hex'),
  header: headerNameSchema,
  timestamp_header: headerNameSchema.optional().describe('Carries milliseconds since 1970, the ones that were signed'),
});

/** How a token request deviates from RFC 6749: applied to what the standard would send. */
export const tokenRequestSchema = z.strictObject({
  method: z.enum(['POST', 'GET']).default('POST'),
  format: z
    .enum(['form', 'json', 'query', 'xml'])
    .default('form')
    .describe('Where the parameters go: the body as a form (RFC 6749), as JSON or as XML, or the query'),
  xml_root: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/)
    .default('request')
    .describe('Name of the root element, for xml'),
  parameters: parametersSchema.describe('Sent along, such as expires_in: "1800"'),
  rename: z.record(parameterNameSchema, parameterNameSchema).default({}).describe('Standard name → the provider’s'),
  omit: z.array(parameterNameSchema).max(20).default([]).describe('Standard parameters that the provider does not take'),
  headers: headersSchema,
  signature: signatureSchema.optional(),
});

const expirySchema = (at: string) =>
  z.strictObject({
    at: pointerSchema.default(at),
    format: z
      .enum(['seconds', 'milliseconds', 'minutes', 'epoch_seconds', 'epoch_milliseconds', 'date_time', 'days_hours_minutes'])
      .default('seconds')
      .describe('A lifetime, or a moment: seconds or milliseconds since 1970, RFC 3339; days_hours_minutes is D:HH:MM'),
  });

/** How a token response deviates from RFC 6749 section 5.1. Pointers are relative to `root`. */
export const tokenResponseSchema = z.strictObject({
  root: pointerSchema.default('').describe('Where the response proper is, such as /data'),
  access_token: pointerSchema.default('/access_token'),
  refresh_token: pointerSchema.default('/refresh_token'),
  scope: pointerSchema.default('/scope'),
  bearer_types: z
    .array(z.string().min(1).max(40))
    .max(10)
    .default([])
    .describe('What this provider calls a bearer token in `token_type`, beside the access token, such as user'),
  expires: expirySchema('/expires_in').default({ at: '/expires_in', format: 'seconds' }),
  refresh_expires: expirySchema('/refresh_token_expires_in')
    .optional()
    .describe('When the refresh token ends unless it is used before, where the answer says so'),
  lifetime_seconds: z
    .int()
    .min(1)
    .max(315_360_000)
    .optional()
    .describe('Of an access token, where the answer does not state it and the documentation does'),
  failure: z
    .strictObject({
      when: z
        .strictObject({
          at: pointerSchema,
          equals: z.union([z.string(), z.number(), z.boolean()]).optional(),
          not: z.union([z.string(), z.number(), z.boolean()]).optional(),
        })
        .describe('A status of 200 is a failure all the same where the value there is `equals`, or is not `not`'),
      code: pointerSchema.default('/error').describe('Where the error code is, from the top of the document'),
      codes: z
        .record(
          z.string(),
          z.enum(['invalid_grant', 'invalid_client', 'invalid_request', 'unauthorized_client', 'temporarily_unavailable']),
        )
        .default({})
        .describe('The provider’s codes in the terms of RFC 6749 section 5.2'),
    })
    .optional(),
});
export type TokenRequestShape = Readonly<z.infer<typeof tokenRequestSchema>>;
export type TokenResponseShape = Readonly<z.infer<typeof tokenResponseSchema>>;

/**
 * A request more until the token is there that calls are made with: `${token.access_token}` and `${token.refresh_token}` stand for
 * what the request before it answered. For long-lived tokens, tokens of a second resource and the like.
 */
export const tokenStepSchema = z.strictObject({
  endpoint: endpointTemplateSchema,
  authentication: z
    .enum(['none', 'client', 'bearer'])
    .default('none')
    .describe('client: as at the token endpoint; bearer: with the token before'),
  request: tokenRequestSchema.prefault({}),
  response: tokenResponseSchema.prefault({}),
  keep_refresh_token: z
    .boolean()
    .default(true)
    .describe('Whether the refresh token of the request before stays where this answer has none'),
});
export type TokenStep = Readonly<z.infer<typeof tokenStepSchema>>;

/** A JWT that is made with the key of the provider app (RFC 7523 section 3), or of the person. */
export const assertionSchema = z.strictObject({
  algorithm: z.enum(signingAlgorithms).default('RS256'),
  key: z
    .enum(['pem', 'hex_secret', 'text_secret'])
    .default('pem')
    .describe('pem: a private key; hex_secret and text_secret: what HS256 signs with'),
  header: z.record(z.string(), templateSchema).default({}).describe('Besides alg and typ, such as kid'),
  claims: z
    .record(z.string(), templateSchema)
    .default({})
    .describe('Besides iat, exp and jti; ${key.fingerprint_sha256} is SHA256: and the base64 of the public key’s digest'),
  lifetime_seconds: z.int().min(10).max(3600).default(300),
});
export type Assertion = Readonly<z.infer<typeof assertionSchema>>;
