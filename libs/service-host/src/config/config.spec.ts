import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { checkpointSigningConfig } from './checkpoint-signing.js';
import { fragment, secret, type ConfigFragments, type ConfigOf } from './fragment.js';
import {
  adminConfig,
  agentsNatsConfig,
  connectorsConfig,
  databaseConfig,
  egressConfig,
  httpConfig,
  kmsConfig,
  natsConfig,
} from './fragments.js';
import { hostConfig } from './host-config.js';
import { ConfigError, parseFragments, type Environment } from './load.js';

function load<F extends ConfigFragments>(fragments: F, env: Environment): ConfigOf<F> {
  const problems = new Set<string>();
  const config = parseFragments(fragments, env, problems);
  if (problems.size > 0) throw new ConfigError([...problems]);
  return config;
}

function problemsOf(fragments: ConfigFragments, env: Environment): string {
  try {
    load(fragments, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

const named = (given: object): Environment =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [`KEYWARD_AUDIT_${name}`, String(value)]));

describe('configuration', () => {
  it('is typed values under names of their own', () => {
    const env = {
      KEYWARD_DATABASE_URL: 'postgres://app:pw@db:5432/keyward',
      KEYWARD_NATS_URL: 'nats://a:4222, nats://b:4222',
      KEYWARD_NATS_CREDS_FILE: '/run/creds',
      KEYWARD_HTTP_PORT: '9999',
      KEYWARD_CONNECTOR_VARIABLES: '{"sandbox":{"url":"http://127.0.0.1:8090"}}',
      KEYWARD_CONNECTORS_DIR: '/connectors',
      KEYWARD_EGRESS_PRIVATE_ORIGINS: 'http://127.0.0.1:8090,http://10.0.0.1',
    };
    const fragments = {
      database: databaseConfig,
      nats: natsConfig,
      http: httpConfig(8080),
      connectors: connectorsConfig,
      egress: egressConfig,
    };
    expect(load(fragments, env)).toEqual({
      database: { url: 'postgres://app:pw@db:5432/keyward' },
      nats: { servers: ['nats://a:4222', 'nats://b:4222'], credsFile: '/run/creds' },
      http: { host: '127.0.0.1', port: 9999 },
      connectors: { dir: '/connectors', variables: { sandbox: { url: 'http://127.0.0.1:8090' } }, everyMs: 5_000 },
      egress: { privateOrigins: ['http://127.0.0.1:8090', 'http://10.0.0.1'] },
    });
  });

  it('has defaults that start a service on this machine only', () => {
    expect(load({ host: hostConfig, http: httpConfig(8080) }, {})).toMatchObject({
      host: { ops: { host: '127.0.0.1' }, logLevel: 'info', logRequests: false, traces: undefined },
      http: { host: '127.0.0.1', port: 8080 },
    });
  });

  it('exports every trace where there is a collector, or the share and the batches that it is told', () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';
    expect(load({ host: hostConfig }, { OTEL_EXPORTER_OTLP_ENDPOINT }).host.traces).toEqual({ sampleRatio: 1, batches: {} });
    const more = { KEYWARD_TRACE_SAMPLE_RATIO: '0.1', KEYWARD_TRACE_SLOW_MS: '2000', OTEL_BSP_SCHEDULE_DELAY: '100' };
    expect(load({ host: hostConfig }, { OTEL_EXPORTER_OTLP_ENDPOINT, ...more }).host.traces).toEqual({
      ...{ sampleRatio: 0.1, slowMs: 2_000, batches: { scheduledDelayMillis: 100 } },
    });
    for (const KEYWARD_TRACE_SAMPLE_RATIO of ['-0.1', '1.5', 'half'])
      expect(problemsOf({ host: hostConfig }, { KEYWARD_TRACE_SAMPLE_RATIO })).toContain('KEYWARD_TRACE_SAMPLE_RATIO');
  });

  it('names every problem at once, with what to do', () => {
    const text = problemsOf(
      { database: databaseConfig, nats: natsConfig, admin: adminConfig, http: httpConfig(1), host: hostConfig },
      {
        KEYWARD_DATABASE_URL: 'mysql://x',
        KEYWARD_HTTP_PORT: '70000',
        KEYWARD_LOG_LEVEL: 'loud',
        KEYWARD_DRAIN_TIMEOUT_MS: 'soon',
      },
    );
    for (const name of ['DATABASE_URL', 'NATS_URL', 'ADMIN_TOKEN', 'HTTP_PORT', 'LOG_LEVEL', 'DRAIN_TIMEOUT_MS']) {
      expect(text).toContain(`KEYWARD_${name}`);
    }
    expect(text).toContain(
      'KEYWARD_ADMIN_TOKEN is missing. Set it to a random token of at least 24 characters (or KEYWARD_ADMIN_TOKEN_FILE',
    );
  });

  it.each([
    ['KEYWARD_DATABASE_URL', { database: databaseConfig }],
    ['KEYWARD_NATS_URL', { nats: natsConfig }],
    ['KEYWARD_ADMIN_TOKEN', { admin: adminConfig }],
    ['KEYWARD_HTTP_PORT', { http: httpConfig(1) }],
    ['KEYWARD_KMS', { kms: kmsConfig }],
    ['KEYWARD_CONNECTOR_VARIABLES', { connectors: connectorsConfig }],
    ['KEYWARD_EGRESS_PRIVATE_ORIGINS', { egress: egressConfig }],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', { host: hostConfig }],
  ])('never repeats the value of %s', (name, fragments) => {
    const text = problemsOf(fragments, { [name]: 's3cr3t-v4lue', KEYWARD_CONNECTORS_DIR: '/connectors' });
    expect(text).toContain(name);
    expect(text).not.toContain('s3cr3t');
  });

  it('takes an empty variable as absent', () => {
    expect(problemsOf({ database: databaseConfig }, { KEYWARD_DATABASE_URL: '' })).toContain('KEYWARD_DATABASE_URL is missing');
  });

  it('reads a secret from the file that <NAME>_FILE names, and nothing else from files', () => {
    const dir = mkdtempSync(join(tmpdir(), 'keyward-config-'));
    const file = join(dir, 'token');
    writeFileSync(file, 'a-token-of-24-characters\n');
    const config = { admin: adminConfig, level: fragment({ LEVEL: z.string().default('none') }, (env) => env.LEVEL) };
    expect(load(config, { KEYWARD_ADMIN_TOKEN_FILE: file, LEVEL_FILE: file })).toEqual({
      admin: { token: 'a-token-of-24-characters' },
      level: 'none',
    });
    rmSync(dir, { recursive: true });
  });

  it('refuses a secret given twice, and a file that cannot be read, without naming either', () => {
    const twice = { KEYWARD_ADMIN_TOKEN: 'x'.repeat(30), KEYWARD_ADMIN_TOKEN_FILE: '/run/secrets/token' };
    expect(problemsOf({ admin: adminConfig }, twice)).toContain('are both set. Keep one');
    const text = problemsOf({ admin: adminConfig }, { KEYWARD_ADMIN_TOKEN_FILE: '/nowhere/s3cr3t' });
    expect(text).toContain('KEYWARD_ADMIN_TOKEN_FILE names a file that cannot be read (ENOENT)');
    expect(text).not.toContain('s3cr3t');
  });

  it('refuses key management that contradicts itself', () => {
    expect(problemsOf({ kms: kmsConfig }, { KEYWARD_KMS: 'local', KEYWARD_KMS_KEY_ID: 'x' })).toMatch(
      /KEY_ID does not go with KEYWARD_KMS=local[^]*KEYWARD_KMS_KEY_FILE is missing/,
    );
    expect(problemsOf({ kms: kmsConfig }, { KEYWARD_KMS: 'aws', KEYWARD_KMS_KEY_FILE: 'x' })).toMatch(
      /KEY_FILE does not go with KEYWARD_KMS=aws[^]*KEYWARD_KMS_KEY_ID is missing/,
    );
    expect(
      load({ kms: kmsConfig }, { KEYWARD_KMS: 'aws', KEYWARD_KMS_KEY_ID: 'alias/k', KEYWARD_KMS_REGION: 'eu-central-1' }),
    ).toEqual({
      kms: { kind: 'aws', keyId: 'alias/k', region: 'eu-central-1' },
    });
  });

  it.each([
    [{}, undefined],
    [
      { SIGNING: 'local', SIGNING_KEY_FILE: '/k.pem', SIGNING_PREVIOUS_KEYS_FILE: '/old.json' },
      { kind: 'local', keyFile: '/k.pem', previousKeysFile: '/old.json' },
    ],
    [
      { SIGNING: 'aws', SIGNING_KEY_ID: 'alias/k', SIGNING_REGION: 'eu-central-1' },
      { kind: 'aws', keyId: 'alias/k', region: 'eu-central-1' },
    ],
  ])('signs checkpoints as it is told: %j', (given, expected) => {
    expect(load({ signing: checkpointSigningConfig }, named(given)).signing).toEqual(expected);
  });

  it.each([
    [{ SIGNING: 'local' }, 'KEYWARD_AUDIT_SIGNING_KEY_FILE is missing'],
    [{ SIGNING: 'aws' }, 'KEYWARD_AUDIT_SIGNING_KEY_ID is missing'],
    [{ SIGNING: 'vault' }, 'KEYWARD_AUDIT_SIGNING is not valid'],
    [{ SIGNING: 'local', SIGNING_KEY_FILE: '/k', SIGNING_REGION: 'x' }, 'KEYWARD_AUDIT_SIGNING_REGION goes with'],
    [{ SIGNING: 'aws', SIGNING_KEY_ID: 'k', SIGNING_KEY_FILE: '/k' }, 'KEYWARD_AUDIT_SIGNING_KEY_FILE goes with'],
    [{ SIGNING: 'aws', SIGNING_KEY_ID: 'k', SIGNING_ENDPOINT: 'kms.internal' }, 'KEYWARD_AUDIT_SIGNING_ENDPOINT'],
    [{ SIGNING_KEY_FILE: '/k' }, 'Remove it, or set that'],
  ])('refuses a key for checkpoints that is said by halves: %j', (given, says) => {
    expect(problemsOf({ signing: checkpointSigningConfig }, named(given))).toContain(says);
  });

  it('connects agents to the same server unless told otherwise', () => {
    const env = { KEYWARD_NATS_URL: 'nats://a', KEYWARD_NATS_AGENTS_CREDS_FILE: '/agents.creds' };
    expect(load({ agents: agentsNatsConfig }, env).agents).toEqual({ servers: ['nats://a'], credsFile: '/agents.creds' });
    expect(load({ agents: agentsNatsConfig }, { ...env, KEYWARD_NATS_AGENTS_URL: 'tls://b' }).agents.servers).toEqual([
      'tls://b',
    ]);
  });

  it.each(['http://127.0.0.1:8090/', 'http://127.0.0.1/path', 'ftp://x', '127.0.0.1'])(
    'does not take %j for an origin',
    (origin) => {
      expect(problemsOf({ egress: egressConfig }, { KEYWARD_EGRESS_PRIVATE_ORIGINS: origin })).toContain(
        'KEYWARD_EGRESS_PRIVATE_ORIGINS',
      );
    },
  );

  it('gives a fragment its values only once all are valid', () => {
    let built = 0;
    const strict = fragment({ A: z.coerce.number(), B: secret(z.string()) }, () => built++);
    problemsOf({ strict }, { A: 'x', B: 'y' });
    expect(built).toBe(0);
  });
});
