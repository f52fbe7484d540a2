import {
  adminConfig,
  clientLimitsConfig,
  connectorsConfig,
  currencyConfig,
  databaseConfig,
  egressConfig,
  fragment,
  httpConfig,
  kmsConfig,
  natsConfig,
  secret,
  streamsConfig,
  type ReportProblem,
} from '@keyward/service-host';
import { z } from 'zod';
import { createAgentsSigner, type AgentsSigner } from './nats-credentials/user-jwt.js';
import { isReturnUrl } from './connect/return-url.js';
import { oidcConfig } from './people/oidc-config.js';

const DEFAULT_PORT = 8081;

/** Redirect URIs, links and cookies are made from it, so it must be what people's browsers see. */
const publicConfig = fragment(
  {
    KEYWARD_AUTH_PUBLIC_URL: z
      .string()
      .refine((text) => isReturnUrl(text) && new URL(text).origin === text, {
        message: 'it must be an https origin without a path or a slash at the end; http only on 127.0.0.1, [::1] or localhost',
      })
      .describe('the origin under which browsers and providers reach this service, such as https://connect.example.com'),
    KEYWARD_STATE_SECRET: secret(z.string().min(32).describe('a random text of at least 32 characters')),
  },
  (env) => ({
    url: env.KEYWARD_AUTH_PUBLIC_URL,
    stateSecret: env.KEYWARD_STATE_SECRET,
  }),
);

export interface AgentsAccount {
  signer: AgentsSigner;
  /** What agents are told to connect to. */
  natsUrl: string;
}

const agentsConfig = fragment(
  {
    KEYWARD_AGENTS_ACCOUNT: z
      .string()
      .regex(/^A[A-Z2-7]{55}$/, 'it must be the public key of a NATS account')
      .describe('the public key of the NATS account in which agents are users'),
    KEYWARD_AGENTS_SIGNING_SEED: secret(z.string().describe('the seed of that account’s scoped signing key')),
    KEYWARD_NATS_PUBLIC_URL: z.string().min(1).describe('the NATS URL that agents connect to'),
  },
  (env, report): AgentsAccount => ({
    signer: readSigner(env.KEYWARD_AGENTS_ACCOUNT, env.KEYWARD_AGENTS_SIGNING_SEED, report),
    natsUrl: env.KEYWARD_NATS_PUBLIC_URL,
  }),
);

function readSigner(account: string, seed: string, report: ReportProblem): AgentsSigner {
  try {
    return createAgentsSigner(account, seed);
  } catch {
    report('KEYWARD_AGENTS_SIGNING_SEED is not valid: it must be the seed of an account key, which starts with SA.');
    return undefined as never;
  }
}

export const authConfig = {
  database: databaseConfig,
  nats: natsConfig,
  streams: streamsConfig,
  kms: kmsConfig,
  http: httpConfig(DEFAULT_PORT),
  connectors: connectorsConfig,
  currency: currencyConfig,
  egress: egressConfig,
  admin: adminConfig,
  public: publicConfig,
  agents: agentsConfig,
  signIn: oidcConfig,
  limits: clientLimitsConfig,
};
