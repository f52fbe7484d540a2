import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { newNatsSeeds } from '@keyward/nats-accounts';
import { createSigningKeyFile } from '@keyward/checkpoint-signing';
import { createKeyFile } from '@keyward/kms-local';
import { z } from 'zod';
import { SERVICES } from '../services/names.js';
import type { StackPaths } from './paths.js';
import type { Ports } from './ports.js';

const text = z.string().min(1);

const secretsSchema = z.strictObject({
  version: z.literal(1),
  natsSeeds: z.strictObject({ operator: text, SYS: text, KEYWARD: text, AGENTS: text, agentsSigning: text }),
  adminToken: text,
  stateSecret: text,
  databasePasswords: z.record(z.enum(SERVICES), text),
  sandbox: z.strictObject({ user: text, password: text, managementToken: text, clientId: text, clientSecret: text }),
  /** Shown once by auth-service, so it is kept here. */
  agentKey: text.optional(),
  /** The vendors that this directory's connections may be at, emulated: its later starts emulate them, too. */
  emulated: z.array(z.string()).default([]),
  /** The ports of the last start: links and registrations name them. */
  ports: z.record(z.string(), z.int()).default({}),
});
export type Secrets = z.infer<typeof secretsSchema>;
/** Of a stack that starts: every port is chosen. */
export type SecretsWithPorts = Secrets & { ports: Ports };

const random = (bytes: number): string => randomBytes(bytes).toString('base64url');

function newSecrets(): Secrets {
  return {
    version: 1,
    natsSeeds: newNatsSeeds(),
    adminToken: `kwadm_${random(32)}`,
    stateSecret: random(32),
    databasePasswords: Object.fromEntries(SERVICES.map((service) => [service, random(24)])) as Secrets['databasePasswords'],
    sandbox: {
      user: 'ada',
      // Typed by a person, and good for a provider on this machine only.
      password: `ada-${randomBytes(4).toString('hex')}`,
      managementToken: random(32),
      clientId: 'keyward',
      clientSecret: random(32),
    },
    emulated: [],
    ports: {},
  };
}

/** A whole file or the old one: an interrupted write must not lose the secrets. */
export function writePrivate(file: string, content: string): void {
  const beside = `${file}.${randomBytes(4).toString('hex')}`;
  const descriptor = openSync(beside, 'wx', 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(beside, file);
}

/** What another program will fill and we cannot tell to keep private: made by us, with the right mode. */
export function touchPrivate(file: string): void {
  writeFileSync(file, '', { flag: 'a', mode: 0o600 });
}

export function saveSecrets(paths: StackPaths, secrets: Secrets): void {
  writePrivate(paths.secretsFile, `${JSON.stringify(secrets, null, 2)}\n`);
}

/** The secrets of this directory, made at the first start. @throws Error that says what to do; never with a value in it */
export async function loadSecrets(paths: StackPaths): Promise<Secrets> {
  const secrets = await loadOrMake(paths);
  // Also beside data of a stack that had none: checkpoints begin then, and another key only signs what comes.
  await createSigningKeyFile(paths.auditSigningKeyFile);
  return secrets;
}

async function loadOrMake(paths: StackPaths): Promise<Secrets> {
  if (!existsSync(paths.secretsFile)) {
    refuseOrphanedData(paths, paths.secretsFile);
    const secrets = newSecrets();
    saveSecrets(paths, secrets);
    await createKeyFile(paths.kmsKeyFile);
    return secrets;
  }
  if (!existsSync(paths.kmsKeyFile)) {
    refuseOrphanedData(paths, paths.kmsKeyFile);
    await createKeyFile(paths.kmsKeyFile);
  }
  return readSecrets(paths);
}

export function readSecrets(paths: StackPaths): Secrets {
  try {
    return secretsSchema.parse(JSON.parse(readFileSync(paths.secretsFile, 'utf8')));
  } catch (error) {
    const where = error instanceof z.ZodError ? `: ${error.issues.map((issue) => issue.path.join('.')).join(', ')}` : '';
    throw new Error(
      `${paths.secretsFile} is damaged or of another version${where}. Restore it, or start clean: npm start -- --reset`,
    );
  }
}

/** A new key would open none of the stored tokens, and new passwords would not hide that for long. */
function refuseOrphanedData(paths: StackPaths, missing: string): void {
  if (!existsSync(`${paths.postgres}/cluster/PG_VERSION`)) return;
  throw new Error(
    `${missing} is gone, but ${paths.postgres} holds data that need it. Restore it, or start clean: npm start -- --reset`,
  );
}
