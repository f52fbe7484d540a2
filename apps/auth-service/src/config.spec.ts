import { describe, expect, it } from '@jest/globals';
import { startService } from '@keyward/service-host';
import { createAccount, createUser } from '@nats-io/nkeys';
import { authConfig } from './config.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const VALID = {
  KEYWARD_DATABASE_URL: 'postgres://auth:password@127.0.0.1/keyward',
  KEYWARD_NATS_URL: 'nats://127.0.0.1:4222',
  KEYWARD_KMS: 'local',
  KEYWARD_KMS_KEY_FILE: 'kms.json',
  KEYWARD_CONNECTORS_DIR: 'connectors',
  KEYWARD_AUTH_PUBLIC_URL: 'https://connect.example.com',
  KEYWARD_ADMIN_TOKEN: 'a'.repeat(24),
  KEYWARD_STATE_SECRET: 's'.repeat(32),
  KEYWARD_AGENTS_ACCOUNT: createAccount().getPublicKey(),
  KEYWARD_AGENTS_SIGNING_SEED: text(createAccount().getSeed()),
  KEYWARD_NATS_PUBLIC_URL: 'nats://127.0.0.1:4222',
};

/** What the service says before it does anything else. */
const problems = async (changes: Record<string, string>): Promise<string> => {
  const start = startService({ name: 'auth-service', config: authConfig, module: () => class {} }, { ...VALID, ...changes });
  const thrown = await start.then(
    () => new Error('it started'),
    (error: unknown) => error,
  );
  return String(thrown);
};

describe('configuration', () => {
  it.each([
    'http://connect.example.com',
    'https://connect.example.com/',
    'https://connect.example.com/auth',
    'https://user@connect.example.com',
    'connect.example.com',
    'https://connect.example.com:443',
  ])('names KEYWARD_AUTH_PUBLIC_URL when it is %s', async (url) => {
    expect(await problems({ KEYWARD_AUTH_PUBLIC_URL: url })).toContain('KEYWARD_AUTH_PUBLIC_URL is not valid');
  });

  it('names every secret that is too short or of another kind, and shows none', async () => {
    const userSeed = text(createUser().getSeed());
    const message = await problems({
      KEYWARD_ADMIN_TOKEN: 'short-canary',
      KEYWARD_STATE_SECRET: 'short-canary',
      KEYWARD_AGENTS_SIGNING_SEED: userSeed,
    });
    for (const name of ['KEYWARD_ADMIN_TOKEN', 'KEYWARD_STATE_SECRET', 'KEYWARD_AGENTS_SIGNING_SEED'])
      expect(message).toContain(name);
    expect(message).not.toContain('canary');
    expect(message).not.toContain(userSeed);
  });
});
