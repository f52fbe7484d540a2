import { slugSchema } from '@keyward/contracts';
import { z } from 'zod';
import { addressProblem, openReference } from './address-references.js';
import { credentialSchema, limitsSchema, probeSchema, sourceSchema } from './api.js';
import { declaredErrorsSchema } from './declared-error.js';
import { authSchema, type Auth, type AuthKind } from './auth.js';
import { baseNameSchema } from './request-definition.js';
import { refreshSchema, revocationSchema } from './lifecycle.js';
import { appParametersSchema, connectionParametersSchema } from './parameters.js';
import {
  baseUrlTemplateSchema,
  LATE_REFERENCE,
  originTemplateSchema,
  parametersSchema,
  templateSchema,
  toldOriginSchema,
} from './template.js';
import { isUrlPlace, textsOf } from './places.js';
import { refuseContradictions } from './renewal.js';
import { headerNameSchema } from './url-rules.js';
import type { UserAuthorization } from './user-authorization.js';

export const variableNameSchema = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be 1 to 32 of a-z 0-9 _');

export const categories = [
  'accounting',
  'analytics',
  'banking',
  'calendar',
  'communication',
  'crm',
  'design',
  'developer',
  'e-commerce',
  'email',
  'files',
  'hr',
  'identity',
  'marketing',
  'payments',
  'productivity',
  'project-management',
  'social',
  'storage',
  'support',
  'other',
] as const;

/**
 * `connectors/<name>/connector.yaml`: a provider, as data. `${name}` in any string stands for a variable that the deployment sets;
 * this schema sees the text after that substitution. `${connection.…}`, `${app.…}` and their like stay, and are filled when used.
 */
export const providerManifestSchema = z
  .strictObject({
    name: slugSchema.describe('Connector and provider name; also the name of the folder'),
    title: z.string().min(1).max(80),
    description: z.string().max(500).default(''),
    categories: z.array(z.enum(categories)).max(4).default([]),
    documentation: z
      .url({ protocol: /^https$/ })
      .max(500)
      .optional()
      .describe('Where the provider describes its API'),
    sources: z.array(sourceSchema).max(30).default([]).describe('Where each endpoint, scope and deviation was read, and when'),
    variables: z
      .record(variableNameSchema, z.string().min(1).max(200))
      .default({})
      .describe('What the deployment must set, each with what it is'),
    app_parameters: appParametersSchema,
    connection_parameters: connectionParametersSchema,
    auth: authSchema,
    refresh: refreshSchema.prefault({}),
    revocation: revocationSchema.optional(),
    base_url: baseUrlTemplateSchema.describe('Tools’ paths are appended to it; no request leaves its origin and path'),
    bases: z
      .record(baseNameSchema, baseUrlTemplateSchema)
      .default({})
      .describe('Further bases that tools name; their origins must be listed'),
    origins: z.array(originTemplateSchema).min(1).max(20).describe('Where the credential may be sent, and nowhere else'),
    told_origins: z
      .array(toldOriginSchema)
      .max(20)
      .default([])
      .describe(
        'Where else an address may lead that the provider itself told, without the credential: an origin, or https://*. and a domain',
      ),
    credential: credentialSchema.prefault({ in: 'header' }),
    client_certificate: z
      .boolean()
      .default(false)
      .describe('API requests show the registration’s certificate, and so do those to the authorization server (RFC 8705)'),
    headers: z.record(headerNameSchema, templateSchema).default({}).describe('Sent with every request, such as a version header'),
    query: parametersSchema.describe('Sent with every request'),
    probe: probeSchema.optional(),
    propagate_trace: z
      .boolean()
      .default(false)
      .describe('Send our W3C traceparent along: only to providers that belong to the same house'),
    limits: limitsSchema.prefault({}),
    errors: declaredErrorsSchema.describe('Of all tools; a tool’s own are looked at before'),
  })
  .superRefine((manifest, context) => {
    const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message });
    const { base_url, bases, origins, auth, revocation } = manifest;
    for (const [name, base] of Object.entries({ base_url, ...bases })) {
      if (!base.includes('${') && URL.canParse(base) && !origins.includes(new URL(base).origin))
        refuse(['origins'], `must contain the origin of ${name}`);
    }
    const quotas = manifest.limits.quotas.map(({ bucket, per, seconds }) => `${bucket}/${per}/${seconds}`);
    if (new Set(quotas).size < quotas.length) refuse(['limits', 'quotas'], 'the same window of a bucket is there twice');
    if ('pkce' in auth && auth.pkce !== 'S256' && auth.pkce_reason === undefined) {
      refuse(['auth', 'pkce_reason'], 'must say why PKCE is not S256');
    }
    const person = auth.kind === 'app_installation' ? auth.user_authorization : undefined;
    if (person !== undefined && person.pkce !== 'S256' && person.pkce_reason === undefined) {
      refuse(['auth', 'user_authorization', 'pkce_reason'], 'must say why PKCE is not S256');
    }
    if ('revocation_endpoint' in auth && auth.revocation_endpoint !== undefined && revocation !== undefined) {
      refuse(['revocation'], 'must be left out where auth.revocation_endpoint is there');
    }
    if (manifest.client_certificate && !('token_endpoint_auth_method' in auth)) {
      refuse(['client_certificate'], 'needs a kind of grant with a registration at a token endpoint');
    }
    refuseContradictions(manifest, refuse);
    for (const origin of showsSecret(manifest) ? authorizationServerOrigins(manifest) : []) {
      const open = openReference(origin, manifest.connection_parameters);
      if (open !== undefined)
        refuse([], `${open} would let whoever connects choose where the client secret is sent: it needs one_of or host_suffixes`);
    }
    for (const name of undeclared(manifest))
      refuse([], `\${${name}} is not declared under connection_parameters or app_parameters`);
    for (const [place, text] of textsOf(manifest)) {
      const problem = addressProblem(text, isUrlPlace(place), manifest.connection_parameters, manifest.app_parameters);
      if (problem !== undefined) refuse([...place], problem);
      if (text.replaceAll(LATE_REFERENCE, '').includes('${')) refuse([...place], 'holds a reference that nothing fills');
    }
  });
export type ProviderManifest = Readonly<z.infer<typeof providerManifestSchema>>;

/** A manifest whose kind of grant is known. */
export type ProviderWith<K extends AuthKind> = ProviderManifest & {
  readonly auth: Extract<ProviderManifest['auth'], { kind: K }>;
};

export function hasAuth<K extends AuthKind>(provider: ProviderManifest, ...kinds: readonly K[]): provider is ProviderWith<K> {
  return (kinds as readonly string[]).includes(provider.auth.kind);
}

/** What authenticates a client by being sent, so that whoever receives it is that client. */
function showsSecret(manifest: { auth: Auth; revocation?: { authentication: string } | undefined }): boolean {
  const { auth, revocation } = manifest;
  if ('token_endpoint_auth_method' in auth && auth.token_endpoint_auth_method.startsWith('client_secret_')) return true;
  if (revocation?.authentication === 'client_secret_basic' || revocation?.authentication === 'basic') return true;
  return JSON.stringify(manifest).includes('${client.secret}');
}

interface Declarations {
  connection_parameters: Readonly<Record<string, unknown>>;
  app_parameters: Readonly<Record<string, unknown>>;
  auth: { kind: AuthKind };
}

/** References that nothing would fill. */
function undeclared({ connection_parameters, app_parameters, ...manifest }: Declarations): string[] {
  const known = new Set([
    ...Object.keys(connection_parameters).map((name) => `connection.${name}`),
    ...Object.keys(app_parameters).map((name) => `app.${name}`),
    ...(manifest.auth.kind === 'app_installation' ? ['connection.installation_id'] : []),
    ...(manifest.auth.kind === 'signed_jwt' ? ['connection.key_id'] : []),
  ]);
  const used = JSON.stringify(manifest).matchAll(/\$\{((?:connection|app)\.[^}]*)\}/g);
  return [...new Set([...used].map(([, name = '']) => name))].filter((name) => !known.has(name));
}

/** Where the OAuth protocol itself goes: what auth-service and token-refresher may reach for this provider. */
export function authorizationServerOrigins({ auth, refresh, revocation }: ProviderManifest): string[] {
  const endpoints = [
    ...Object.entries(auth)
      .filter(([name]) => name === 'issuer' || name.endsWith('_endpoint'))
      .map(([, url]) => url as string | undefined),
    ...('steps' in auth ? auth.steps.map(({ endpoint }) => endpoint) : []),
    ...(auth.kind === 'app_installation' ? userEndpoints(auth.user_authorization) : []),
    refresh.endpoint,
    refresh.exchange?.endpoint,
    revocation?.endpoint,
  ];
  return [...new Set(endpoints.filter((url) => url !== undefined).map(originOf))];
}

function userEndpoints(person: UserAuthorization | undefined): (string | undefined)[] {
  return [person?.token_endpoint, person?.installations.endpoint, person?.revocation?.endpoint];
}

/** Of an address that begins with a reference which is not filled yet: the reference, which is no origin that anything could go to. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : (url.split(/[/?]/, 1)[0] as string);
}
