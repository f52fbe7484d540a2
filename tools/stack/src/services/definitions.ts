import { join } from 'node:path';
import type { ServiceRole } from '@keyward/postgres';
import { CONNECTORS } from '../emulate/emulatable.js';
import type { Ports } from '../home/ports.js';
import type { StackPaths } from '../home/paths.js';
import type { SecretsWithPorts } from '../home/secrets.js';
import type { ServiceName } from './names.js';

/** Where everything of a stack is reached. */
export interface Addresses {
  gatewayUrl: string;
  authUrl: string;
  auditUrl: string;
  sandboxUrl: string;
  natsUrl: string;
  /** As superuser. */
  databaseUrl: string;
}

/** Everything is on this machine and for it alone. The database's URL is known once it runs. */
export function addressesOf(ports: Ports): Addresses {
  const http = (port: number): string => `http://127.0.0.1:${port}`;
  return {
    gatewayUrl: http(ports.gateway),
    authUrl: http(ports['auth-service']),
    auditUrl: http(ports['audit-service']),
    sandboxUrl: http(ports.sandbox),
    natsUrl: `nats://127.0.0.1:${ports.nats}`,
    databaseUrl: '',
  };
}

export interface ServiceSettings {
  paths: StackPaths;
  secrets: SecretsWithPorts;
  addresses: Addresses;
  agentsAccount: string;
  connectorsDir: string;
}

/** Long enough for what is in flight on one machine; Ctrl-C should not take long. */
export const DRAIN_TIMEOUT_MS = 5_000;

/**
 * V8's semi-space, in MB. Its default of 16 makes an idle service 20 to 30 MB larger than it need be; below 8, the two services that
 * every call goes through collect garbage noticeably more often. With 16, token-refresher needs a quarter less CPU for a backlog than with 4,
 * and 3 MB more when idle.
 */
const SEMI_SPACE_MB: Record<ServiceName, number> = {
  gateway: 8,
  'auth-service': 4,
  'token-refresher': 16,
  'tool-executor': 8,
  'audit-service': 4,
};

/**
 * How far the heap may grow beyond what is alive before all of it is collected, in percent. After the one collection that gives back
 * the memory of starting, V8's own choice is so narrow that a busy service spends an eighth more time on garbage, and auth-service, which hears of each refresh, a quarter.
 * token-refresher has room for its young objects instead.
 */
const HEAP_GROWING_PERCENT = 150;
const BUSY: ReadonlySet<ServiceName> = new Set(['gateway', 'tool-executor', 'audit-service', 'auth-service']);

/**
 * Of the C library (glibc's mallopt(3)): its default of eight arenas per core keeps 6 MB more per service that nothing is in. JavaScript's
 * own memory is not there, and few threads allocate.
 */
const MALLOC_ARENA_MAX = '2';

export function nodeFlags(service: ServiceName): string[] {
  const growing = BUSY.has(service) ? [`--heap-growing-percent=${HEAP_GROWING_PERCENT}`] : [];
  return [`--max-semi-space-size=${SEMI_SPACE_MB[service]}`, ...growing];
}

const ROLES: Record<ServiceName, ServiceRole> = {
  gateway: 'gateway',
  'auth-service': 'auth',
  'token-refresher': 'refresher',
  'tool-executor': 'executor',
  'audit-service': 'audit',
};

export function serviceRole(service: ServiceName): ServiceRole {
  return ROLES[service];
}

export function serviceLogin(service: ServiceName): string {
  return `${ROLES[service]}_login`;
}

export function credsFile(paths: StackPaths, name: string): string {
  return join(paths.creds, `${name}.creds`);
}

function databaseUrl(settings: ServiceSettings, service: ServiceName): string {
  const url = new URL(settings.addresses.databaseUrl);
  url.username = serviceLogin(service);
  url.password = settings.secrets.databasePasswords[service];
  return url.href;
}

/** The connectors that show one way to connect each, all of them to the sandbox provider. */
const SANDBOX_CONNECTORS = ['sandbox', 'sandbox_device', 'sandbox_key', 'sandbox_mcp', 'sandbox_service'];

function connectors({ addresses, connectorsDir }: ServiceSettings): Record<string, string> {
  return {
    KEYWARD_CONNECTORS_DIR: connectorsDir,
    KEYWARD_CONNECTOR_VARIABLES: JSON.stringify(
      Object.fromEntries(SANDBOX_CONNECTORS.map((name) => [name, { url: addresses.sandboxUrl }])),
    ),
  };
}

/** The sandbox is on a loopback address, which egress refuses unless it is named. */
function egress({ addresses }: ServiceSettings): Record<string, string> {
  return { KEYWARD_EGRESS_PRIVATE_ORIGINS: addresses.sandboxUrl };
}

function kms({ paths }: ServiceSettings): Record<string, string> {
  return { KEYWARD_KMS: 'local', KEYWARD_KMS_KEY_FILE: paths.kmsKeyFile };
}

/** Results that are too large for the bus. */
function objects({ paths }: ServiceSettings): Record<string, string> {
  return { KEYWARD_OBJECTS: 'file', KEYWARD_OBJECTS_DIR: paths.objects };
}

const OWN: Record<ServiceName, (settings: ServiceSettings) => Record<string, string>> = {
  gateway: (settings) => ({
    ...connectors(settings),
    ...objects(settings),
    KEYWARD_HTTP_PORT: String(settings.secrets.ports.gateway),
    KEYWARD_NATS_AGENTS_CREDS_FILE: credsFile(settings.paths, 'gateway-agents'),
  }),
  'auth-service': (settings) => ({
    ...connectors(settings),
    ...egress(settings),
    ...kms(settings),
    KEYWARD_HTTP_PORT: String(settings.secrets.ports['auth-service']),
    KEYWARD_AUTH_PUBLIC_URL: settings.addresses.authUrl,
    KEYWARD_ADMIN_TOKEN: settings.secrets.adminToken,
    KEYWARD_STATE_SECRET: settings.secrets.stateSecret,
    KEYWARD_AGENTS_ACCOUNT: settings.agentsAccount,
    KEYWARD_AGENTS_SIGNING_SEED: settings.secrets.natsSeeds.agentsSigning,
    KEYWARD_NATS_PUBLIC_URL: settings.addresses.natsUrl,
  }),
  'token-refresher': (settings) => ({ ...connectors(settings), ...egress(settings), ...kms(settings) }),
  'tool-executor': (settings) => ({ ...connectors(settings), ...egress(settings), ...kms(settings), ...objects(settings) }),
  'audit-service': (settings) => ({
    KEYWARD_HTTP_PORT: String(settings.secrets.ports['audit-service']),
    KEYWARD_ADMIN_TOKEN: settings.secrets.adminToken,
    KEYWARD_AUDIT_SIGNING: 'local',
    KEYWARD_AUDIT_SIGNING_KEY_FILE: settings.paths.auditSigningKeyFile,
  }),
};

/** What is tried out here by the same variable as in production: it is handed on from the environment that the stack is started in. */
const HANDED_ON: Partial<Record<ServiceName, readonly string[]>> = {
  'audit-service': [
    'KEYWARD_AUDIT_FORWARD_FILE',
    'KEYWARD_COST_CURRENCY',
    'KEYWARD_AUDIT_CHECKPOINT_SECONDS',
    'KEYWARD_AUDIT_SIGNING_PREVIOUS_KEYS_FILE',
    'KEYWARD_AUDIT_RETENTION_DAYS',
    'KEYWARD_AUDIT_ANCHOR',
    'KEYWARD_AUDIT_ANCHOR_DIR',
    'KEYWARD_AUDIT_ANCHOR_RETENTION_DAYS',
  ],
  'auth-service': ['KEYWARD_COST_CURRENCY'],
  'tool-executor': ['KEYWARD_AUDIT_ARGUMENTS', 'KEYWARD_COST_CURRENCY'],
};

function handedOn(service: ServiceName): Record<string, string> {
  const set = (HANDED_ON[service] ?? []).map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(set.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The whole environment of one service: its own login, its own NATS user, and no secret that it does not need. */
export function serviceEnvironment(service: ServiceName, settings: ServiceSettings): Record<string, string> {
  return {
    NODE_ENV: 'production',
    MALLOC_ARENA_MAX,
    KEYWARD_DATABASE_URL: databaseUrl(settings, service),
    KEYWARD_NATS_URL: settings.addresses.natsUrl,
    KEYWARD_NATS_CREDS_FILE: credsFile(settings.paths, service),
    KEYWARD_OPS_PORT: String(settings.secrets.ports[`${service} metrics`]),
    KEYWARD_DRAIN_TIMEOUT_MS: String(DRAIN_TIMEOUT_MS),
    ...OWN[service](settings),
    ...handedOn(service),
  };
}

export function sandboxEnvironment(
  settings: Pick<ServiceSettings, 'paths' | 'secrets'> & { accessTokenTtlSeconds?: number | undefined },
): Record<string, string> {
  const { user, password, managementToken } = settings.secrets.sandbox;
  const { emulated } = settings.secrets;
  const ttl = settings.accessTokenTtlSeconds;
  return {
    KEYWARD_SANDBOX_PORT: String(settings.secrets.ports.sandbox),
    KEYWARD_SANDBOX_DB: settings.paths.sandboxDatabase,
    KEYWARD_SANDBOX_USER: user,
    KEYWARD_SANDBOX_PASSWORD: password,
    KEYWARD_SANDBOX_MANAGEMENT_TOKEN: managementToken,
    ...(emulated.length === 0 ? {} : { KEYWARD_SANDBOX_VENDORS: emulated.join(','), KEYWARD_SANDBOX_CONNECTORS_DIR: CONNECTORS }),
    ...(ttl === undefined ? {} : { KEYWARD_SANDBOX_ACCESS_TOKEN_TTL_SECONDS: String(ttl) }),
  };
}
