import { randomBytes } from 'node:crypto';
import { newId } from '@keyward/contracts';
import { Vault } from '@keyward/vault';
import { describeDataKeyStore, MemoryKms } from '@keyward/vault/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { VaultDatabase } from '../test/vault-database.js';
import { createDataKeyStore } from './index.js';

let database: VaultDatabase;
beforeAll(async () => {
  database = await VaultDatabase.start();
});
afterAll(() => database.stop());

describeDataKeyStore('Postgres, as auth-service', async () => {
  const store = createDataKeyStore(await database.as('auth'));
  return { store, newOrganization: () => database.newOrganization() };
});

describe('data keys in Postgres', () => {
  let auth: DataSource;
  let refresher: DataSource;
  let executor: DataSource;
  beforeAll(async () => {
    [auth, refresher, executor] = [await database.as('auth'), await database.as('refresher'), await database.as('executor')];
  });
  const place = (org: string) => ({ org, record: 'conn_1', field: 'access_token', generation: 1 });

  it('auth-service and token-refresher seal, under one key between them; tool-executor opens', async () => {
    const kms = new MemoryKms();
    const org = await database.newOrganization();
    const [one, two, three] = [auth, refresher, executor].map((ds) => new Vault({ kms, dataKeys: createDataKeyStore(ds) }));
    const sealed = await Promise.all([
      one?.seal(place(org), Buffer.from('by auth')),
      two?.seal(place(org), Buffer.from('by refresher')),
    ]);
    const texts = await Promise.all(sealed.map((bytes) => three?.open(place(org), bytes ?? Buffer.alloc(0), String)));
    expect(texts).toEqual(['by auth', 'by refresher']);
    const { rows } = await database.admin.query('SELECT reserved_messages FROM vault.data_key WHERE org_id = $1', [org]);
    expect(rows).toEqual([{ reserved_messages: '2048' }]);
  });

  it('tool-executor can make no key, retire none, and destroys none', async () => {
    const store = createDataKeyStore(executor);
    const org = await database.newOrganization();
    const key = { id: newId('dek'), org, wrapped: randomBytes(32), kmsKeyId: 'k', createdAt: new Date() };
    await createDataKeyStore(auth).insertActive(key);
    await expect(store.insertActive({ ...key, id: newId('dek') })).rejects.toThrow('permission denied');
    await expect(store.retire(org, key.id)).rejects.toThrow('permission denied');
    await expect(store.destroyAll(org)).rejects.toThrow('permission denied');
    await expect(store.reserveMessages(org, key.id, 1, 10)).rejects.toThrow('permission denied');
    expect(await store.byId(org, key.id)).toMatchObject({ id: key.id, state: 'active' });
  });

  it('a shredded organization leaves no byte of its wrapped keys in the table', async () => {
    const org = await database.newOrganization();
    const vault = new Vault({ kms: new MemoryKms(), dataKeys: createDataKeyStore(auth) });
    const sealed = await vault.seal(place(org), Buffer.from('x'));
    await vault.shred(org);
    const { rows } = await database.admin.query('SELECT length(wrapped) AS length, state FROM vault.data_key WHERE org_id = $1', [
      org,
    ]);
    expect(rows).toEqual([{ length: 0, state: 'destroyed' }]);
    await expect(vault.open(place(org), sealed, String)).rejects.toMatchObject({ code: 'revoked' });
  });
});
