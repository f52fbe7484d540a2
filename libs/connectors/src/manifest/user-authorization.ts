import { z } from 'zod';
import { revocationSchema } from './lifecycle.js';
import { endpointTemplateSchema, parameterNameSchema, pointerSchema, templateSchema } from './template.js';
import { tokenRequestSchema, tokenResponseSchema } from './token-endpoint.js';
import { headerNameSchema } from './url-rules.js';

/**
 * The id of an installation comes back with the browser, where anyone can change it for somebody else's. What shows that it is theirs is
 * a code beside it: redeemed, it is a token of the person, whose installations are then listed.
 */
export const userAuthorizationSchema = z.strictObject({
  code_parameter: parameterNameSchema.default('code').describe('In the redirect back, beside the installation'),
  pkce: z.enum(['S256', 'none']).default('S256').describe('S256: the challenge goes along to installation_url'),
  pkce_reason: z.string().min(10).max(300).optional().describe('Why it is not S256; needed where it is not'),
  token_endpoint: endpointTemplateSchema.describe('Where the code is redeemed (RFC 6749 section 4.1.3)'),
  token_endpoint_auth_method: z.enum(['client_secret_basic', 'client_secret_post']).default('client_secret_basic'),
  token_request: tokenRequestSchema.prefault({}),
  token_response: tokenResponseSchema.prefault({}),
  installations: z
    .strictObject({
      endpoint: endpointTemplateSchema.describe('GET with the person’s token as bearer token'),
      headers: z.record(headerNameSchema, templateSchema).default({}),
      list: pointerSchema.default('').describe('Where the answer has the list'),
      id: pointerSchema.default('/id').describe('Where an entry of it has the installation’s id'),
      next_page: z
        .enum(['link', 'none'])
        .default('none')
        .describe('link: the Link header’s rel=next (RFC 8288), at the same origin; none: there is but one page'),
    })
    .describe('The installations of this app that the person may act for'),
  revocation: revocationSchema.optional().describe('Ends the person’s token, which has then served its purpose'),
});
export type UserAuthorization = Readonly<z.infer<typeof userAuthorizationSchema>>;
