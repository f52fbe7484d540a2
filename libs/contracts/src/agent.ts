import { z } from 'zod';
import { idSchema, slugSchema } from './ids.js';

/** What of a person's identity token must be the user that a connect session was made for. */
export const userClaims = ['sub', 'email', 'preferred_username'] as const;
export type UserClaim = (typeof userClaims)[number];

/** Shown to people. Control characters, which a database or a terminal would trip over, are no part of a name. */
const name = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .regex(/^\P{Cc}*$/u, 'must not hold control characters')
  .refine((text) => text.isWellFormed(), 'must be well-formed Unicode');

export const organizationSchema = z.object({
  id: idSchema('org'),
  slug: slugSchema,
  name,
  returnUrls: z.array(z.string()),
  signInToConnect: z.boolean(),
  userClaim: z.enum(userClaims),
  createdAt: z.iso.datetime(),
  shreddedAt: z.iso.datetime().nullable(),
});
export type Organization = z.infer<typeof organizationSchema>;
export const createOrganizationSchema = z.strictObject({
  slug: slugSchema,
  name,
  /** Where a person may be sent after connecting: compared exactly, never by prefix. */
  returnUrls: z.array(z.url().max(2048)).max(20).default([]),
  /** Whether a person must sign in, as the user that the session was made for, before connecting. */
  signInToConnect: z.boolean().default(false),
  userClaim: z.enum(userClaims).default('sub'),
});
/** `PATCH /v1/organizations/{id}`. */
export const updateOrganizationSchema = z.strictObject({
  name: name.optional(),
  returnUrls: z.array(z.url().max(2048)).max(20).optional(),
  signInToConnect: z.boolean().optional(),
  userClaim: z.enum(userClaims).optional(),
});

export const agentSchema = z.object({
  id: idSchema('agt'),
  organization: idSchema('org'),
  slug: slugSchema,
  name,
  createdAt: z.iso.datetime(),
});
export type Agent = z.infer<typeof agentSchema>;
export const createAgentSchema = z.strictObject({ organization: idSchema('org'), slug: slugSchema, name });

/** `kwa_<key id's 32 hex digits>_<43 base64url characters = 256 bits>`. The secret part is stored only as SHA-256. */
export const AGENT_KEY_PATTERN = /^kwa_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;
export const agentKeySchema = z.object({
  id: idSchema('key'),
  agent: idSchema('agt'),
  createdAt: z.iso.datetime(),
  revokedAt: z.iso.datetime().nullable(),
  /** Set when the key was rotated: it works on until then. */
  expiresAt: z.iso.datetime().nullable(),
  lastFour: z.string(),
});
/** The one answer that holds the key itself. */
export const createdAgentKeySchema = agentKeySchema.extend({ key: z.string().regex(AGENT_KEY_PATTERN) });

/** The longest that a rotated key may work on beside its successor. */
export const MAX_KEY_OVERLAP_SECONDS = 30 * 86_400;
/** `POST /v1/agents/{id}/keys/{key}/rotate`. */
export const rotateAgentKeySchema = z.strictObject({
  organization: idSchema('org').optional(),
  /** How long the old key works on. */
  overlapSeconds: z.int().min(0).max(MAX_KEY_OVERLAP_SECONDS).default(86_400),
});
export const rotatedAgentKeySchema = createdAgentKeySchema.extend({ replaced: agentKeySchema });

/** `GET|PUT|DELETE /v1/agents/{id}/token-releases/{provider}`: whether get_access_token may give this agent the provider's tokens. */
export const tokenReleaseSchema = z.object({
  agent: idSchema('agt'),
  provider: z.string(),
  granted: z.boolean(),
  createdAt: z.iso.datetime().nullable(),
});
export type TokenRelease = z.infer<typeof tokenReleaseSchema>;

export const natsCredentialsSchema = z.object({
  /** Contents of a `.creds` file: user JWT and seed. */
  creds: z.string(),
  natsUrl: z.string(),
  expiresAt: z.iso.datetime(),
});

export const permissionLevels = ['read', 'write', 'destructive'] as const;
export type PermissionLevel = (typeof permissionLevels)[number];

/** Which tools of a connector an agent may call: those named (null = all), up to the effect its permission level allows. */
export const assignmentSchema = z.strictObject({
  connector: slugSchema,
  permission: z.enum(permissionLevels).default('read'),
  tools: z.array(z.string()).nullable().default(null),
});
export type Assignment = z.infer<typeof assignmentSchema>;

export const clientRegistrations = ['pre_registered', 'client_id_metadata_document', 'dynamic'] as const;
export type ClientRegistration = (typeof clientRegistrations)[number];

const appText = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    // RFC 6749 appendix A.1 and A.2: both are made of printable ASCII.
    .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');
const pem = z
  .string()
  .max(16_384)
  .regex(/^-----BEGIN [A-Z ]+-----\r?\n[A-Za-z0-9+/=\r\n]+-----END [A-Z ]+-----\s*$/, 'must be PEM');

/** The client's own first; the authorities between it and one that the provider knows may follow. */
const certificateChain = z
  .string()
  .max(16_384)
  .regex(
    /^(?:-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*){1,5}$/,
    'must be certificates, in PEM',
  );

/** Bring your own OAuth client: one registration per organization and provider. The secret is sealed and never answered. */
export const createProviderAppSchema = z.strictObject({
  organization: idSchema('org'),
  provider: slugSchema,
  /** Left out: discovered and registered there, where the provider allows it (MCP servers). */
  clientId: appText(512).optional(),
  clientSecret: appText(4096).optional(),
  /** For assertions, private_key_jwt and the certificate. */
  privateKey: pem.optional(),
  /** For tls_client_auth, and for providers whose API wants to see it. */
  certificate: certificateChain.optional(),
  /** `${app.…}` of the manifest. */
  parameters: z.record(z.string().max(32), z.string().max(200)).default({}),
});
export const providerAppStatuses = ['accepted', 'rejected'] as const;

export const providerAppSchema = z.object({
  id: idSchema('app'),
  organization: idSchema('org'),
  provider: slugSchema,
  clientId: z.string(),
  parameters: z.record(z.string(), z.string()),
  registration: z.enum(clientRegistrations),
  /** Of the authorization server that was discovered, to which alone the registration belongs; null where nothing was. */
  issuer: z.string().nullable(),
  /** To be registered at the provider: distinct per organization and app, so that answers can't be mixed up (RFC 9700 section 4.4). */
  redirectUri: z.url(),
  /** Whether the provider takes it, as far as was seen when it was used last. */
  status: z.enum(providerAppStatuses),
  /** Null where it does. Meanwhile its connections keep the tokens they have, and are renewed once it is accepted again. */
  rejected: z
    .object({
      at: z.iso.datetime(),
      /** For people, with the provider's OAuth error code. */
      reason: z.string(),
      /** When it is tried again by itself; entering it anew does so at once. */
      retryAt: z.iso.datetime(),
    })
    .nullable(),
  createdAt: z.iso.datetime(),
});
