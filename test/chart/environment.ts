import type { ConfigFragments } from '@keyward/service-host';
import { auditConfig } from '../../apps/audit-service/src/config.js';
import { authConfig } from '../../apps/auth-service/src/config.js';
import { gatewayConfig } from '../../apps/gateway/src/config.js';
import { migrateConfig } from '../../apps/migrate/src/config.js';
import { refresherConfig } from '../../apps/token-refresher/src/config.js';
import { executorConfig } from '../../apps/tool-executor/src/config.js';
import { isSecret } from '../../libs/service-host/src/config/fragment.js';
import { hostConfig } from '../../libs/service-host/src/config/host-config.js';
import type { z } from 'zod';

const CONFIGS: Readonly<Record<string, ConfigFragments>> = {
  'audit-service': auditConfig,
  'auth-service': authConfig,
  gateway: gatewayConfig,
  migrate: migrateConfig,
  'token-refresher': refresherConfig,
  'tool-executor': executorConfig,
};

/** Of Node.js, the C library, the AWS SDK and OpenTelemetry: what the chart may set although no configuration of ours names it. */
const OF_OTHERS = /^(NODE_ENV|NODE_EXTRA_CA_CERTS|MALLOC_ARENA_MAX|AWS_[A-Z_]+|OTEL_[A-Z_]+)$/;

/** What each program reads from its environment: name → schema. By the name of its container. */
export function readByServices(): Map<string, Map<string, z.ZodType>> {
  const entries = Object.entries(CONFIGS).map(([service, config]): [string, Map<string, z.ZodType>] => {
    const fragments = Object.values({ host: hostConfig, ...config });
    return [service, new Map(fragments.flatMap(({ shape }) => Object.entries(shape)))];
  });
  return new Map(entries);
}

interface Variable {
  name: string;
  value?: string;
  valueFrom?: object;
}

interface Container {
  name: string;
  env?: Variable[];
}

interface PodSpec {
  containers?: Container[];
}

export interface Manifest {
  kind?: string;
  metadata?: { name?: string };
  spec?: { template?: { spec?: PodSpec } };
}

/**
 * What is wrong with the environments of rendered manifests: names that the program does not read, values that it does not take, secrets
 * that stand there in the clear. Empty where all is well.
 */
export function environmentProblems(manifests: readonly Manifest[]): string[] {
  const known = readByServices();
  return manifests.flatMap(({ kind, metadata, spec }) =>
    (spec?.template?.spec?.containers ?? []).flatMap(({ name, env = [] }) => {
      const reads = known.get(name);
      const where = `${kind} ${metadata?.name}`;
      if (reads === undefined) return [`${where}: no program is called ${name}`];
      return env.flatMap((variable) => variableProblems(variable, reads).map((problem) => `${where}: ${problem}`));
    }),
  );
}

function variableProblems({ name, value, valueFrom }: Variable, reads: ReadonlyMap<string, z.ZodType>): string[] {
  const secretOf = name.endsWith('_FILE') ? reads.get(name.slice(0, -'_FILE'.length)) : undefined;
  if (secretOf !== undefined && isSecret(secretOf)) return value?.startsWith('/') === true ? [] : [`${name} is not a path`];
  const schema = reads.get(name);
  if (schema === undefined) return OF_OTHERS.test(name) ? [] : [`${name} is read by nothing in this program`];
  if (valueFrom !== undefined) return [];
  // An address of the bus may hold a password, and so may also come from a file; the chart refuses one that does.
  if (isSecret(schema) && !name.startsWith('KEYWARD_NATS_')) return [`${name} is a secret and stands there in the clear`];
  return schema.safeParse(value).success ? [] : [`${name} has a value that the program does not take`];
}
