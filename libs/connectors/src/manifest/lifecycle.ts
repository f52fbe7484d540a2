import { z } from 'zod';
import { tokenRequestSchema, tokenResponseSchema, tokenStepSchema } from './token-endpoint.js';
import { endpointTemplateSchema } from './template.js';

/** How an access token is followed by the next one. */
export const refreshSchema = z.strictObject({
  method: z
    .enum(['refresh_token', 'reissue', 'exchange', 'none'])
    .optional()
    .describe(
      'refresh_token: RFC 6749 section 6; reissue: the grant is made again without the person; exchange: the token itself is extended by `exchange`; left out: what suits the kind of grant',
    ),
  rotates: z.boolean().default(false).describe('Whether redeeming a refresh token ends its validity'),
  margin: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.2)
    .describe('Share of its lifetime that an access token has left when it is refreshed ahead of time'),
  minimum_margin_seconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(30)
    .describe('The margin is no shorter, however short the lifetime; but never more than half of it'),
  maximum_margin_seconds: z
    .int()
    .min(1)
    .max(31_536_000)
    .default(604_800)
    .describe('The margin is no longer, however long the lifetime'),
  reuse_grace_seconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(0)
    .describe('How long the provider still takes a rotated refresh token; 0: replaying one revokes the family'),
  endpoint: endpointTemplateSchema.optional().describe('Where it is not the token endpoint'),
  request: tokenRequestSchema.optional().describe('Where a refresh differs from other token requests'),
  response: tokenResponseSchema.optional().describe('Where the answer to a refresh differs from other token responses'),
  repeat_steps: z.boolean().default(false).describe('Whether auth.steps follow a refresh too'),
  exchange: tokenStepSchema.optional(),
  minimum_age_seconds: z.int().min(0).max(31_536_000).default(0).describe('A younger token can not be extended yet'),
  refresh_token_lifetime_days: z.int().min(1).max(3650).optional().describe('After so long without use a refresh token ends'),
  recovery_probe: z
    .enum(['introspection'])
    .optional()
    .describe(
      'How to learn, without using it, whether a refresh token is spent whose redemption was never answered; introspection: RFC 7662 of the refresh token, at auth.introspection_endpoint',
    ),
  concurrency: z
    .int()
    .min(1)
    .max(256)
    .default(32)
    .describe('Token requests at a time that a replica makes to one authorization server'),
  requests_per_minute: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe('Token requests to one authorization server over all replicas, where the provider limits them'),
});

/** Revocation that is not RFC 7009. `${token.access_token}`, `${token.refresh_token}`, `${client.id}`, `${client.secret}`. */
export const revocationSchema = z.strictObject({
  method: z.enum(['POST', 'DELETE', 'GET', 'PUT']).default('POST'),
  endpoint: endpointTemplateSchema,
  authentication: z
    .enum(['none', 'client_secret_basic', 'basic', 'bearer', 'app_assertion'])
    .default('none')
    .describe('basic: client id and secret as they are (RFC 7617), where the server does not decode what RFC 6749 encodes'),
  token: z.enum(['access_token', 'refresh_token']).default('access_token').describe('Which one is needed to ask'),
  request: tokenRequestSchema.pick({ format: true, parameters: true, headers: true }).prefault({}),
  success: z.array(z.int().min(200).max(499)).min(1).default([200, 202, 204]),
});
