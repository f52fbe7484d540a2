import { isIP } from 'node:net';
import { z } from 'zod';

export interface SandboxConfig {
  host: string;
  /** 0 takes a free port. */
  port: number;
  /** SQLite file; undefined keeps everything in memory. */
  database: string | undefined;
  managementToken: string;
  accessTokenTtlSeconds: number;
  /** Name of the first account; `grace` is the second, so that tests have a stranger. Both have the same password. */
  user: string;
  password: string;
  /** Vendors whose APIs stand beside the notes: connectors, and the folder in which each has its own. */
  vendors?: { names: readonly string[]; dir: string };
}

const environment = z
  .object({
    KEYWARD_SANDBOX_HOST: z.string().min(1).default('127.0.0.1'),
    KEYWARD_SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(8090),
    KEYWARD_SANDBOX_DB: z.string().min(1).optional(),
    KEYWARD_SANDBOX_MANAGEMENT_TOKEN: z.string().min(16, 'needs at least 16 characters, for example from `openssl rand -hex 16`'),
    KEYWARD_SANDBOX_ACCESS_TOKEN_TTL_SECONDS: z.coerce.number().int().min(1).max(86_400).default(120),
    KEYWARD_SANDBOX_USER: z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,31}$/, 'must be 1 to 32 of a-z 0-9 _ -, starting with a letter')
      .default('ada'),
    KEYWARD_SANDBOX_PASSWORD: z.string().min(8, 'needs at least 8 characters').default('sandbox-only'),
    KEYWARD_SANDBOX_VENDORS: z
      .string()
      .regex(/^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$/, 'must be names of connectors with commas between them')
      .optional(),
    KEYWARD_SANDBOX_CONNECTORS_DIR: z.string().min(1).optional(),
    KEYWARD_SANDBOX_ALLOW_NETWORK: z.enum(['true', 'false']).default('false'),
  })
  .superRefine((env, context) => {
    if (env.KEYWARD_SANDBOX_VENDORS !== undefined && env.KEYWARD_SANDBOX_CONNECTORS_DIR === undefined) {
      const message = 'is needed beside KEYWARD_SANDBOX_VENDORS';
      context.addIssue({ code: 'custom', path: ['KEYWARD_SANDBOX_CONNECTORS_DIR'], message });
    }
    if (env.KEYWARD_SANDBOX_ALLOW_NETWORK === 'true' || isLoopback(env.KEYWARD_SANDBOX_HOST)) return;
    context.addIssue({
      code: 'custom',
      path: ['KEYWARD_SANDBOX_HOST'],
      message: 'is not a loopback address, and the sandbox is not for production; KEYWARD_SANDBOX_ALLOW_NETWORK=true insists',
    });
  });

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** @throws Error that lists every variable that is missing or wrong; values are not repeated. */
export function readConfig(env: Record<string, string | undefined>): SandboxConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')} ${issue.message}`);
    throw new Error(`The sandbox provider can't start with these settings:\n${problems.join('\n')}`);
  }
  const settings = parsed.data;
  const { KEYWARD_SANDBOX_VENDORS: vendors, KEYWARD_SANDBOX_CONNECTORS_DIR: dir } = settings;
  return {
    host: settings.KEYWARD_SANDBOX_HOST,
    port: settings.KEYWARD_SANDBOX_PORT,
    database: settings.KEYWARD_SANDBOX_DB,
    managementToken: settings.KEYWARD_SANDBOX_MANAGEMENT_TOKEN,
    accessTokenTtlSeconds: settings.KEYWARD_SANDBOX_ACCESS_TOKEN_TTL_SECONDS,
    user: settings.KEYWARD_SANDBOX_USER,
    password: settings.KEYWARD_SANDBOX_PASSWORD,
    ...(vendors === undefined || dir === undefined ? {} : { vendors: { names: vendors.split(','), dir } }),
  };
}
