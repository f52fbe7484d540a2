import { z } from 'zod';
import { idSchema, userIdSchema } from './ids.js';
import { budgetActions, budgetMeasures, budgetPeriods } from './budget.js';
import { connectionKinds } from './connection.js';
import { errorCodes } from './errors.js';

/** What an endpoint can be told of: events of stream CONNECTIONS. */
export const webhookEventTypes = [
  'connection.needs_reauthorization',
  'connection.authorized',
  'connection.revoked',
  'connection.refreshed',
  'connection.scopes_changed',
  'provider_app.rejected',
  'provider_app.accepted',
  'budget.warned',
  'budget.exceeded',
] as const;
export type WebhookEventType = (typeof webhookEventTypes)[number];

/** What somebody has to do something about. */
const DEFAULT_EVENTS: WebhookEventType[] = ['connection.needs_reauthorization', 'provider_app.rejected'];
export const MAX_WEBHOOK_ENDPOINTS = 20;
const MAX_SECRET_OVERLAP_SECONDS = 7 * 86_400;

const url = z.url().max(2048);
const events = z
  .array(z.enum(webhookEventTypes))
  .min(1)
  .max(webhookEventTypes.length)
  .transform((named) => [...new Set(named)]);
const description = z
  .string()
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be one line of text');

/** `POST /v1/webhook-endpoints` */
export const createWebhookEndpointSchema = z.strictObject({
  organization: idSchema('org'),
  /** https; http only where the deployment names the origin as a private one. */
  url,
  events: events.default(DEFAULT_EVENTS),
  description: description.default(''),
  enabled: z.boolean().default(true),
});
export type CreateWebhookEndpoint = z.infer<typeof createWebhookEndpointSchema>;

/** `PATCH /v1/webhook-endpoints/{id}`: what is named changes. */
export const updateWebhookEndpointSchema = z.strictObject({
  organization: idSchema('org').optional(),
  url: url.optional(),
  events: events.optional(),
  description: description.optional(),
  enabled: z.boolean().optional(),
});
export type UpdateWebhookEndpoint = z.infer<typeof updateWebhookEndpointSchema>;

export const webhookEndpointSchema = z.object({
  id: idSchema('whe'),
  organization: idSchema('org'),
  url: z.url(),
  events: z.array(z.enum(webhookEventTypes)),
  description: z.string(),
  enabled: z.boolean(),
  /** Set where Keyward has disabled it. `gone`: it answered 410. `failing`: nothing has succeeded for five days. */
  disabledReason: z.enum(['gone', 'failing']).nullable(),
  /** Since when every attempt has failed; null while the last one succeeded. */
  failingSince: z.iso.datetime().nullable(),
  /** After a rotation: until when messages are signed with the secret before, too. */
  previousSecretUntil: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type WebhookEndpoint = z.infer<typeof webhookEndpointSchema>;

/** `whsec_` and base64, as Standard Webhooks has it. Shown this once. */
export const createdWebhookEndpointSchema = webhookEndpointSchema.extend({ secret: z.string() });
export type CreatedWebhookEndpoint = z.infer<typeof createdWebhookEndpointSchema>;

/** `POST /v1/webhook-endpoints/{id}/rotate-secret` */
export const rotateWebhookSecretSchema = z.strictObject({
  organization: idSchema('org').optional(),
  /** How long messages are signed with the secret before, too. */
  overlapSeconds: z.int().min(0).max(MAX_SECRET_OVERLAP_SECONDS).default(86_400),
});

/** How an attempt ended: the answer's status, or why there is none. Never what the answer said. */
const attempt = { status: z.int().nullable(), error: z.enum(errorCodes).nullable() };

/** `POST /v1/webhook-endpoints/{id}/test`: what came back from a `webhook.test` sent just now. */
export const webhookTestSchema = z.object({
  endpoint: idSchema('whe'),
  /** As in the header `webhook-id`. */
  message: idSchema('msg'),
  delivered: z.boolean(),
  ...attempt,
  durationMs: z.number(),
  testedAt: z.iso.datetime(),
});
export type WebhookTest = z.infer<typeof webhookTestSchema>;

/** `failed`: given up after about three days. `cancelled`: the endpoint was disabled while it waited. */
export const webhookDeliveryStates = ['pending', 'delivered', 'failed', 'cancelled'] as const;

/** One message for one endpoint. */
export const webhookDeliverySchema = z.object({
  /** As in the header `webhook-id`. */
  id: idSchema('msg'),
  type: z.enum(webhookEventTypes),
  connection: idSchema('conn').nullable(),
  providerApp: idSchema('app').nullable(),
  budget: idSchema('bgt').nullable(),
  state: z.enum(webhookDeliveryStates),
  attempts: z.int(),
  /** Of the last attempt. */
  ...attempt,
  createdAt: z.iso.datetime(),
  /** While it is pending. */
  nextAttemptAt: z.iso.datetime().nullable(),
  settledAt: z.iso.datetime().nullable(),
});
export type WebhookDelivery = z.infer<typeof webhookDeliverySchema>;

/** The body of a message about a connection. */
export const connectionMessageSchema = z.object({
  type: z.enum(webhookEventTypes),
  /** When it happened. Messages may come in another order than they happened; `generation` grows with each credential. */
  timestamp: z.iso.datetime(),
  data: z.object({
    organization: idSchema('org'),
    connection: idSchema('conn'),
    kind: z.enum(connectionKinds).optional(),
    alias: z.string().optional(),
    provider: z.string(),
    /** Null for a workspace connection, as is the agent. */
    user: userIdSchema.nullable(),
    agent: idSchema('agt').nullable(),
    generation: z.int(),
    reason: z.string().optional(),
    /** Of `connection.needs_reauthorization`: the request to auth-service that makes a link for the person. */
    reauthorize: z.object({ method: z.literal('POST'), url: z.url(), body: z.record(z.string(), z.unknown()) }).optional(),
  }),
});
export type ConnectionMessage = z.infer<typeof connectionMessageSchema>;

/** The body of a message about a registration. */
export const providerAppMessageSchema = z.object({
  type: z.enum(webhookEventTypes),
  timestamp: z.iso.datetime(),
  data: z.object({
    organization: idSchema('org'),
    providerApp: idSchema('app'),
    provider: z.string(),
    reason: z.string().optional(),
  }),
});
export type ProviderAppMessage = z.infer<typeof providerAppMessageSchema>;

/** The body of a message about a budget. Counts are calls, or amounts of the deployment's currency as texts. */
export const budgetMessageSchema = z.object({
  type: z.enum(webhookEventTypes),
  timestamp: z.iso.datetime(),
  data: z.object({
    organization: idSchema('org'),
    budget: idSchema('bgt'),
    name: z.string(),
    period: z.enum(budgetPeriods),
    measure: z.enum(budgetMeasures),
    limit: z.string(),
    used: z.string(),
    /** Of `budget.warned`: the share that was reached. */
    ratio: z.number().optional(),
    /** What happens to calls over the limit: `stop` refuses them. */
    onExceeded: z.enum(budgetActions),
    resetsAt: z.iso.datetime(),
  }),
});
export type BudgetMessage = z.infer<typeof budgetMessageSchema>;
