import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { runningStack } from './home/lock.js';
import { stackPaths, type StackPaths } from './home/paths.js';
import { writePrivate } from './home/secrets.js';
import type { LaunchOptions } from './launch.js';
import { USER, type Seeded } from './seed/seed.js';
import type { Addresses } from './services/definitions.js';
import { SERVICES } from './services/names.js';

const metrics = z.record(z.string(), z.string());

/** `stack.json`: what tools and tests read. Mode 0600, since it holds the admin token and an agent's key. */
const stackInfoSchema = z.strictObject({
  gatewayUrl: z.string(),
  authUrl: z.string(),
  auditUrl: z.string(),
  consoleUrl: z.null(),
  natsUrl: z.string(),
  /** As superuser. */
  databaseUrl: z.string(),
  sandbox: z.strictObject({ url: z.string(), user: z.string(), password: z.string() }),
  admin: z.strictObject({ token: z.string() }),
  org: z.string(),
  user: z.string(),
  agent: z.string(),
  agentKey: z.string(),
  /** Replaced before the credentials in it expire. */
  agentCredsFile: z.string(),
  /** Connectors whose vendors the sandbox provider stands for. */
  emulated: z.array(z.string()).default([]),
  metrics,
  pids: z.record(z.string(), z.int()),
});
export type StackInfo = z.infer<typeof stackInfoSchema>;

/** The stack that runs on this directory now, if one does and is ready. */
export function readStackInfo(dir: string): StackInfo | undefined {
  const paths = stackPaths(dir);
  if (runningStack(paths) === undefined) return undefined;
  try {
    return stackInfoSchema.parse(JSON.parse(readFileSync(paths.stackFile, 'utf8')));
  } catch {
    return undefined;
  }
}

export function describeStack(
  { paths, secrets, processes }: LaunchOptions,
  addresses: Addresses,
  { org, agent, agentKey }: Seeded,
): StackInfo {
  const { gatewayUrl, authUrl, auditUrl, natsUrl, databaseUrl, sandboxUrl } = addresses;
  return {
    gatewayUrl,
    authUrl,
    auditUrl,
    consoleUrl: null,
    natsUrl,
    databaseUrl,
    sandbox: { url: sandboxUrl, user: secrets.sandbox.user, password: secrets.sandbox.password },
    admin: { token: secrets.adminToken },
    org,
    user: USER,
    agent,
    agentKey,
    agentCredsFile: paths.agentCredsFile,
    emulated: secrets.emulated,
    metrics: Object.fromEntries(SERVICES.map((name) => [name, `http://127.0.0.1:${secrets.ports[`${name} metrics`]}/metrics`])),
    pids: processes.pids(),
  };
}

export function writeStackInfo(paths: StackPaths, info: StackInfo): void {
  writePrivate(paths.stackFile, `${JSON.stringify(info, null, 2)}\n`);
}
