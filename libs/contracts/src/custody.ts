import { z } from 'zod';
import { connectionSchema, connectSessionSchema, createConnectSessionSchema } from './connection.js';
import { idSchema, userIdSchema } from './ids.js';
import { problemSchema } from './problem.js';

/**
 * The six custody operations: NATS micro-service `auth.v1` in account KEYWARD, and `POST /v1/custody/<operation>` for admins. Whoever
 * asks names the organization and the agent that it acts for.
 */
const caller = z.strictObject({ org: idSchema('org'), agent: idSchema('agt') });

/** Public JWK of the caller for ECDH-ES (RFC 7518 section 4.6): P-256 or X25519. */
const recipientKeySchema = z.union([
  z.strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string().max(64),
    y: z.string().max(64),
    kid: z.string().max(200).optional(),
  }),
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('X25519'), x: z.string().max(64), kid: z.string().max(200).optional() }),
]);

export const custodyRequestSchemas = {
  get_oauth_url: createConnectSessionSchema.extend(caller.shape),
  handle_oauth_callback: caller.extend({
    /** Last segment of the redirect URI, and its query as it came. */
    context: z.string().regex(/^[0-9a-f]{32}$/),
    query: z.string().max(16_384),
    /** What the browser's cookie held. */
    browser: z.string().max(200),
  }),
  get_access_token: caller.extend({
    connection: idSchema('conn'),
    user: userIdSchema.optional(),
    /** What the token must be good for; left out: whatever it is. */
    scopes: z.array(z.string().min(1).max(256)).max(100).optional(),
    recipientKey: recipientKeySchema,
  }),
  list_integrations: caller.extend({ user: userIdSchema.optional(), cursor: z.string().max(200).optional() }),
  get_integration: caller.extend({ connection: idSchema('conn') }),
  disconnect_integration: caller.extend({ connection: idSchema('conn') }),
} as const;
export type CustodyOperation = keyof typeof custodyRequestSchemas;
export const custodyOperations = Object.keys(custodyRequestSchemas) as [CustodyOperation, ...CustodyOperation[]];

/** Metadata of a connection: an integration is one in the words of these operations. */
export const custodyAnswerSchemas = {
  get_oauth_url: connectSessionSchema,
  handle_oauth_callback: z.object({ outcome: z.string(), connection: connectionSchema.nullable() }),
  get_access_token: z.object({
    /**
     * Compact JWE (RFC 7516), ECDH-ES with A256GCM, `typ` as CUSTODY_TOKEN_TYPE, of `{accessToken, tokenType, expiresAt, scopes}`.
     * `tokenType` is Bearer for tokens of OAuth (RFC 6750), and the manifest's kind of grant for every other secret.
     */
    jwe: z.string(),
    connection: idSchema('conn'),
    generation: z.int(),
    expiresAt: z.iso.datetime().nullable(),
  }),
  list_integrations: z.object({ connections: z.array(connectionSchema), nextCursor: z.string().nullable() }),
  get_integration: connectionSchema,
  disconnect_integration: connectionSchema,
} as const satisfies Record<CustodyOperation, z.ZodType>;

export const custodyReplySchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('answered'), answer: z.unknown() }),
  z.object({ outcome: z.literal('failed'), error: problemSchema }),
]);
export type CustodyReply = z.infer<typeof custodyReplySchema>;

/** The sealed part of get_access_token's answer, once opened. */
export const releasedTokenSchema = z.object({
  accessToken: z.string(),
  tokenType: z.string(),
  expiresAt: z.iso.datetime().nullable(),
  scopes: z.array(z.string()),
});
/** `typ` of the JWE, so that it can't be taken for another one (RFC 8725 section 3.11). */
export const CUSTODY_TOKEN_TYPE = 'keyward-token+jwe';

export const custodySubject = (operation: CustodyOperation): string => `auth.v1.${operation}`;
