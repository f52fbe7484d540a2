import { z } from 'zod';
import { fragment, secret } from './fragment.js';
import { objectStoreConfig } from './object-store.js';

/** A URL of one of these schemes. The message names the rule only, as a URL may hold a password. */
export function urlOf(...schemes: string[]) {
  return z.string().refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)), {
    message: `it must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
  });
}

export const port = z.coerce.number({ error: 'it must be a port number' }).int().min(0).max(65_535);
const natsServers = z
  .string()
  .transform((text) => text.split(',').map((server) => server.trim()))
  .pipe(z.array(urlOf('nats', 'tls', 'ws', 'wss')));

export const databaseConfig = fragment(
  {
    KEYWARD_DATABASE_URL: secret(
      urlOf('postgres', 'postgresql').describe('postgres://<login>:<password>@<host>:<port>/<database>'),
    ),
  },
  (env) => ({ url: env.KEYWARD_DATABASE_URL }),
);

export interface NatsConfig {
  servers: string[];
  credsFile?: string;
}

const NATS_URL = secret(natsServers.describe('one or more nats://<host>:<port>, separated by commas'));
const CREDS_FILE = z.string().describe('the path of a NATS credentials file').optional();

export const natsConfig = fragment({ KEYWARD_NATS_URL: NATS_URL, KEYWARD_NATS_CREDS_FILE: CREDS_FILE }, (env): NatsConfig =>
  withCreds(env.KEYWARD_NATS_URL, env.KEYWARD_NATS_CREDS_FILE),
);

/** The gateway's second connection, into the account where the agents are. Same server unless told otherwise. */
export const agentsNatsConfig = fragment(
  {
    KEYWARD_NATS_URL: NATS_URL,
    KEYWARD_NATS_AGENTS_URL: secret(natsServers.optional()),
    KEYWARD_NATS_AGENTS_CREDS_FILE: CREDS_FILE,
  },
  (env): NatsConfig => withCreds(env.KEYWARD_NATS_AGENTS_URL ?? env.KEYWARD_NATS_URL, env.KEYWARD_NATS_AGENTS_CREDS_FILE),
);

/** How many servers of the cluster keep each stream. Left out: what is there stays as it is, and a new stream is on one. */
export const streamsConfig = fragment(
  {
    KEYWARD_NATS_STREAM_REPLICAS: z.coerce
      .number({ error: 'it must be a number' })
      .int()
      .min(1)
      .max(5)
      .describe('how many servers keep each stream: 3 on a cluster of three')
      .optional(),
  },
  (env) => (env.KEYWARD_NATS_STREAM_REPLICAS === undefined ? {} : { replicas: env.KEYWARD_NATS_STREAM_REPLICAS }),
);

function withCreds(servers: string[], credsFile: string | undefined): NatsConfig {
  return credsFile === undefined ? { servers } : { servers, credsFile };
}

export type KmsConfig = { kind: 'local'; keyFile: string } | { kind: 'aws'; keyId: string; region?: string; endpoint?: string };

export const kmsConfig = fragment(
  {
    KEYWARD_KMS: z.enum(['local', 'aws']).describe('local or aws'),
    KEYWARD_KMS_KEY_FILE: z.string().optional(),
    KEYWARD_KMS_KEY_ID: z.string().optional(),
    KEYWARD_KMS_REGION: z.string().optional(),
    KEYWARD_KMS_ENDPOINT: urlOf('http', 'https').optional(),
  },
  (env, report): KmsConfig => {
    const local = env.KEYWARD_KMS === 'local';
    const foreign = local ? (['KEY_ID', 'REGION', 'ENDPOINT'] as const) : (['KEY_FILE'] as const);
    for (const part of foreign) {
      if (env[`KEYWARD_KMS_${part}`] === undefined) continue;
      report(
        `KEYWARD_KMS_${part} does not go with KEYWARD_KMS=${env.KEYWARD_KMS}. Remove it, or set KEYWARD_KMS to ${local ? 'aws' : 'local'}.`,
      );
    }
    if (local) {
      if (env.KEYWARD_KMS_KEY_FILE === undefined)
        report('KEYWARD_KMS_KEY_FILE is missing. KEYWARD_KMS=local needs the path of its key file.');
      return { kind: 'local', keyFile: env.KEYWARD_KMS_KEY_FILE ?? '' };
    }
    if (env.KEYWARD_KMS_KEY_ID === undefined)
      report('KEYWARD_KMS_KEY_ID is missing. KEYWARD_KMS=aws needs the id, ARN or alias of a key.');
    return {
      kind: 'aws',
      keyId: env.KEYWARD_KMS_KEY_ID ?? '',
      ...(env.KEYWARD_KMS_REGION === undefined ? {} : { region: env.KEYWARD_KMS_REGION }),
      ...(env.KEYWARD_KMS_ENDPOINT === undefined ? {} : { endpoint: env.KEYWARD_KMS_ENDPOINT }),
    };
  },
);

/** Where results are kept that are too large for the bus. Left out: there is no such place, and they are refused. */
export const objectsConfig = objectStoreConfig('KEYWARD_OBJECTS');

/** Where the service's own HTTP door listens. Port 0 takes a free one. */
export const httpConfig = (defaultPort: number) =>
  fragment({ KEYWARD_HTTP_HOST: z.string().default('127.0.0.1'), KEYWARD_HTTP_PORT: port.default(defaultPort) }, (env) => ({
    host: env.KEYWARD_HTTP_HOST,
    port: env.KEYWARD_HTTP_PORT,
  }));

const connectorVariables = z
  .string()
  .transform((text, ctx): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      ctx.addIssue({ code: 'custom', message: 'it must be JSON' });
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string(), z.record(z.string(), z.string())));

export const connectorsConfig = fragment(
  {
    KEYWARD_CONNECTORS_DIR: z.string().describe('the directory that holds one directory per connector'),
    KEYWARD_CONNECTOR_VARIABLES: connectorVariables.describe('JSON such as {"<connector>":{"<variable>":"<value>"}}').optional(),
    KEYWARD_CONNECTORS_RELOAD_MS: z.coerce
      .number({ error: 'it must be a number of milliseconds' })
      .int()
      .min(0)
      .max(3_600_000)
      .default(5_000)
      .describe('how often the directory is looked at for changes; 0: never'),
  },
  (env) => ({
    dir: env.KEYWARD_CONNECTORS_DIR,
    variables: env.KEYWARD_CONNECTOR_VARIABLES ?? {},
    everyMs: env.KEYWARD_CONNECTORS_RELOAD_MS,
  }),
);

const exactOrigin = urlOf('http', 'https').refine((text) => URL.canParse(text) && new URL(text).origin === text, {
  message: 'each must be an exact origin, such as http://127.0.0.1:8090, without a path or a slash at the end',
});

export const egressConfig = fragment(
  {
    KEYWARD_EGRESS_PRIVATE_ORIGINS: z
      .string()
      .transform((text) => text.split(',').map((origin) => origin.trim()))
      .pipe(z.array(exactOrigin))
      .optional(),
  },
  (env) => ({ privateOrigins: env.KEYWARD_EGRESS_PRIVATE_ORIGINS ?? [] }),
);

/** The bearer token of admins and auditors. */
export const adminConfig = fragment(
  { KEYWARD_ADMIN_TOKEN: secret(z.string().min(24).describe('a random token of at least 24 characters')) },
  (env) => ({ token: env.KEYWARD_ADMIN_TOKEN }),
);
