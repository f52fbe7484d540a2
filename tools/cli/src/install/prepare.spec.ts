import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { servicePermissions } from '@keyward/nats-accounts';
import { parse, parseAllDocuments } from 'yaml';
import type { SecretManifest } from './manifests.js';
import { prepareInstallation, type Installation } from './prepare.js';

let dir: string;
let first: Installation;
const database = { host: 'db.example.com', port: 5432, name: 'keyward', parameters: 'sslmode=verify-full' };
const prepare = (): Promise<Installation> =>
  prepareInstallation({
    dir: join(dir, 'out'),
    namespace: 'kw',
    database,
    ownerUrl: 'postgres://owner:pw@db.example.com/keyward',
  });

// Key pairs are slow to make here, so most look at the same installation.
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-install-'));
  first = await prepare();
});
afterAll(() => rmSync(dir, { recursive: true }));

function secretsIn(file: string): Record<string, Record<string, string>> {
  const manifests = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as SecretManifest);
  expect(manifests.every(({ kind, metadata }) => kind === 'Secret' && metadata.namespace === 'kw')).toBe(true);
  return Object.fromEntries(manifests.map(({ metadata, stringData }) => [metadata.name, stringData]));
}

interface UserClaims {
  name: string;
  nats: { pub: { allow: string[] }; issuer_account?: string };
}

function claimsOf(creds: string): UserClaims {
  const jwt = /-----BEGIN NATS USER JWT-----\s+(\S+)/.exec(creds)?.[1] ?? '';
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as UserClaims;
}

describe('what is prepared for an installation', () => {
  it('has the Secrets and keys that the chart names, and is readable by its owner only', () => {
    const { files, isNew } = first;
    const chart = parse(readFileSync(join(process.cwd(), 'helm/keyward/values.yaml'), 'utf8')) as Record<string, never>;
    const { nats, secrets: core, database: db } = chart as unknown as Record<string, Record<string, never>>;
    const secrets = secretsIn(files.secrets);
    expect(isNew).toBe(true);
    const services = ['gateway', 'auth-service', 'token-refresher', 'tool-executor', 'audit-service'];
    const keys = (name: unknown): string[] => Object.keys(secrets[String(name)] ?? {});
    expect(keys(nats?.['existingSecret'])).toEqual(
      expect.arrayContaining([
        ...services.map((service) => `${service}.creds`),
        ...['agentsCredsKey', 'agentsSigningSeedKey', 'agentsAccountKey'].map((key) => String(nats?.[key])),
      ]),
    );
    expect(keys(core?.['existingSecret']).sort()).toEqual(Object.values(core?.['keys'] ?? {}).sort());
    expect(keys(db?.['existingSecret']).sort()).toEqual(services.sort());
    const { owner, logins } = db as unknown as Record<'owner' | 'logins', { existingSecret: string; key: string }>;
    expect(keys(owner.existingSecret)).toEqual([owner.key]);
    expect(keys('keyward-database-logins')).toEqual([logins.key]);
    for (const file of [files.keys, files.secrets]) expect(statSync(file).mode & 0o077).toBe(0);
    expect(statSync(join(dir, 'out')).mode & 0o077).toBe(0);
  });

  it('lets each service say what it may, and signs agents’ credentials with a key that no service’s credentials hold', () => {
    const { files } = first;
    const nats = secretsIn(files.secrets)['keyward-nats'] ?? {};
    const { name, nats: rights } = claimsOf(nats['gateway.creds'] ?? '');
    expect(name).toBe('gateway');
    expect(rights.pub.allow).toEqual(servicePermissions('gateway').publish);
    expect(nats['agents-signing-seed']).toMatch(/^SA/);
    const values = parse(readFileSync(files.natsValues, 'utf8')) as { config: { merge: Record<string, unknown> } };
    expect(Object.keys(values.config.merge['resolver_preload'] as object)).toContain(nats['agents-account']);
    expect(readFileSync(files.natsValues, 'utf8')).not.toMatch(/\bS[AOU][A-Z2-7]{56}\b/);
  });

  it('keeps every key when it is repeated', async () => {
    const [keys, values, natsBefore] = [first.files.keys, first.files.values, secretsIn(first.files.secrets)].map((file) =>
      typeof file === 'string' ? readFileSync(file, 'utf8') : file,
    );
    const again = await prepare();
    expect(again.isNew).toBe(false);
    expect(readFileSync(again.files.keys, 'utf8')).toBe(keys);
    expect(readFileSync(again.files.values, 'utf8')).toBe(values);
    const after = secretsIn(again.files.secrets);
    const before = natsBefore as typeof after;
    for (const name of ['keyward-core', 'keyward-database', 'keyward-database-logins']) expect(after[name]).toEqual(before[name]);
    expect(after['keyward-nats']?.['agents-account']).toBe(before['keyward-nats']?.['agents-account']);
  });

  it('refuses to go on with a file of keys that is not one, and leaves it as it is', async () => {
    const foreign = join(dir, 'foreign');
    mkdirSync(foreign);
    const file = join(foreign, 'keys.json');
    writeFileSync(file, '{"version":1}');
    await expect(prepareInstallation({ dir: foreign, namespace: 'kw' })).rejects.toThrow('not the keys of an installation');
    expect(readFileSync(file, 'utf8')).toBe('{"version":1}');
    expect(existsSync(join(foreign, 'secrets.yaml'))).toBe(false);
  });

  it('gives each service a login of its own, in its URL and for the migration to make', () => {
    const { files } = first;
    const secrets = secretsIn(files.secrets);
    const logins = JSON.parse(secrets['keyward-database-logins']?.['logins'] ?? '') as Record<
      string,
      { login: string; password: string }
    >;
    const url = new URL(secrets['keyward-database']?.['tool-executor'] ?? '');
    expect([url.username, url.password]).toEqual([logins['executor']?.login, logins['executor']?.password]);
    expect([url.host, url.pathname, url.search]).toEqual(['db.example.com:5432', '/keyward', '?sslmode=verify-full']);
    expect(new Set(Object.values(logins).map(({ password }) => password)).size).toBe(5);
  });
});
