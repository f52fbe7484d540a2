import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { newNatsSeeds } from '@keyward/nats-accounts';
import { z } from 'zod';
import { Hint } from '../output/fail.js';
import { writePrivate } from './private-file.js';

/** The roles of the database, by the service whose login belongs to each. */
export const DATABASE_ROLES = {
  gateway: 'gateway',
  'auth-service': 'auth',
  'token-refresher': 'refresher',
  'tool-executor': 'executor',
  'audit-service': 'audit',
} as const;
export type DatabaseService = keyof typeof DATABASE_ROLES;

const text = z.string().min(1);

const keysSchema = z.strictObject({
  version: z.literal(1),
  natsSeeds: z.strictObject({ operator: text, SYS: text, KEYWARD: text, AGENTS: text, agentsSigning: text }),
  adminToken: text,
  stateSecret: text,
  databasePasswords: z.record(z.enum(Object.keys(DATABASE_ROLES) as [DatabaseService, ...DatabaseService[]]), text),
});
/** Everything of an installation that cannot be made anew without losing something. Secret. */
export type InstallationKeys = z.infer<typeof keysSchema>;

const random = (bytes: number): string => randomBytes(bytes).toString('base64url');

function newKeys(): InstallationKeys {
  const services = Object.keys(DATABASE_ROLES) as DatabaseService[];
  return {
    version: 1,
    natsSeeds: newNatsSeeds(),
    adminToken: `kwadm_${random(32)}`,
    stateSecret: random(32),
    databasePasswords: Object.fromEntries(services.map((service) => [service, random(24)])) as Record<DatabaseService, string>,
  };
}

/** Those of an earlier run of the same directory, or new ones, which are kept there. @throws Hint where the file is not one of ours */
export function loadKeys(file: string): { keys: InstallationKeys; isNew: boolean } {
  if (!existsSync(file)) {
    const keys = newKeys();
    writePrivate(file, `${JSON.stringify(keys, null, 2)}\n`);
    return { keys, isNew: true };
  }
  const parsed = keysSchema.safeParse(readJson(file));
  if (parsed.success) return { keys: parsed.data, isNew: false };
  throw new Hint(`${file} is not the keys of an installation.`, 'Name another directory, or bring that file back from a backup.');
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
