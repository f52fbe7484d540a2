import { randomBytes } from 'node:crypto';
import { newId } from '@keyward/contracts';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DataKeyStore, NewDataKey } from '../ports.js';

export interface DataKeyStoreUnderTest {
  store: DataKeyStore;
  /** Makes an organization and answers its id. */
  newOrganization(): Promise<string>;
}

function newKey(org: string): NewDataKey {
  return { id: newId('dek'), org, wrapped: randomBytes(64), kmsKeyId: 'kms-1', createdAt: new Date('2026-01-02T03:04:05.678Z') };
}

/** What the vault relies on in a store of data keys, the same for every adapter. */
export function describeDataKeyStore(name: string, start: () => Promise<DataKeyStoreUnderTest>): void {
  describe(`${name} keeps the contract of a data key store`, () => {
    let started: DataKeyStoreUnderTest;
    beforeAll(async () => {
      started = await start();
    });
    itStores(() => started);
    itChangesStateAtomically(() => started);
    itDestroys(() => started);
  });
}

function itStores(started: () => DataKeyStoreUnderTest): void {
  it('has nothing for an organization without keys', async () => {
    const org = await started().newOrganization();
    expect(await started().store.active(org)).toBeNull();
    expect(await started().store.byId(org, newId('dek'))).toBeNull();
    expect(await started().store.undestroyed(org)).toEqual([]);
  });

  it('answers the key as it was inserted, bytes and time unchanged', async () => {
    const key = newKey(await started().newOrganization());
    const inserted = await started().store.insertActive(key);
    expect(inserted).toMatchObject({ ...key, state: 'active' });
    expect(await started().store.active(key.org)).toMatchObject({ ...key, state: 'active' });
    expect(await started().store.byId(key.org, key.id)).toMatchObject({ ...key, state: 'active' });
  });

  it('answers a key of another organization like an absent one, and changes nothing for it', async () => {
    const key = await started().store.insertActive(newKey(await started().newOrganization()));
    const other = await started().newOrganization();
    expect(await started().store.byId(other, key.id)).toBeNull();
    expect(await started().store.reserveMessages(other, key.id, 1, 10)).toBe(false);
    expect(await started().store.replaceWrapped(other, key.id, key.wrapped, { wrapped: Buffer.of(1), kmsKeyId: 'kms-2' })).toBe(
      false,
    );
    await started().store.retire(other, key.id);
    expect(await started().store.destroyAll(other)).toBe(0);
    expect(await started().store.active(key.org)).toMatchObject({ id: key.id, wrapped: key.wrapped });
  });

  it('walks all organizations in order, page by page', async () => {
    const mine = [await started().newOrganization(), await started().newOrganization(), await started().newOrganization()];
    const seen: string[] = [];
    for (let after: string | null = null; ; after = seen.at(-1) ?? null) {
      const page = await started().store.organizations(after, 2);
      seen.push(...page);
      if (page.length < 2) break;
    }
    expect(seen).toEqual([...new Set(seen)].sort());
    expect(seen).toEqual(expect.arrayContaining(mine));
  });
}

function itChangesStateAtomically(started: () => DataKeyStoreUnderTest): void {
  it('has one active key however many processes insert at once, and tells all of them which', async () => {
    const org = await started().newOrganization();
    const answers = await Promise.all(Array.from({ length: 8 }, () => started().store.insertActive(newKey(org))));
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    expect(await started().store.undestroyed(org)).toHaveLength(1);
  });

  it('never grants more messages than the limit, however many processes ask at once', async () => {
    const { org, id } = await started().store.insertActive(newKey(await started().newOrganization()));
    const grants = await Promise.all(Array.from({ length: 12 }, () => started().store.reserveMessages(org, id, 10, 75)));
    expect(grants.filter(Boolean)).toHaveLength(7);
    expect(await started().store.reserveMessages(org, id, 6, 75)).toBe(false);
    expect(await started().store.reserveMessages(org, id, 5, 75)).toBe(true);
  });

  it('retires a key: it seals no more, still opens, and makes room for the next', async () => {
    const { org, id } = await started().store.insertActive(newKey(await started().newOrganization()));
    await started().store.retire(org, id);
    await started().store.retire(org, id);
    expect(await started().store.active(org)).toBeNull();
    expect(await started().store.reserveMessages(org, id, 1, 10)).toBe(false);
    expect(await started().store.byId(org, id)).toMatchObject({ state: 'decrypt_only' });
    const next = await started().store.insertActive(newKey(org));
    expect((await started().store.active(org))?.id).toBe(next.id);
    expect((await started().store.undestroyed(org)).map((key) => key.id).sort()).toEqual([id, next.id].sort());
  });

  it('replaces wrapped bytes only where they are still those that were read', async () => {
    const key = await started().store.insertActive(newKey(await started().newOrganization()));
    const next = { wrapped: randomBytes(80), kmsKeyId: 'kms-2' };
    expect(await started().store.replaceWrapped(key.org, key.id, randomBytes(64), next)).toBe(false);
    expect(await started().store.replaceWrapped(key.org, key.id, key.wrapped, next)).toBe(true);
    expect(await started().store.replaceWrapped(key.org, key.id, key.wrapped, next)).toBe(false);
    expect(await started().store.byId(key.org, key.id)).toMatchObject({ ...next, state: 'active' });
  });
}

function itDestroys(started: () => DataKeyStoreUnderTest): void {
  it('destroys every key of the organization for good: no bytes remain and no new key is accepted', async () => {
    const first = await started().store.insertActive(newKey(await started().newOrganization()));
    await started().store.retire(first.org, first.id);
    const second = await started().store.insertActive(newKey(first.org));
    expect(await started().store.destroyAll(first.org)).toBe(2);
    expect(await started().store.destroyAll(first.org)).toBe(0);
    for (const key of [first, second]) {
      const left = await started().store.byId(key.org, key.id);
      expect(left).toMatchObject({ state: 'destroyed' });
      expect(left?.wrapped).toHaveLength(0);
      expect(await started().store.replaceWrapped(key.org, key.id, Buffer.alloc(0), key)).toBe(false);
      expect(await started().store.replaceWrapped(key.org, key.id, key.wrapped, key)).toBe(false);
    }
    expect(await started().store.active(first.org)).toBeNull();
    expect(await started().store.undestroyed(first.org)).toEqual([]);
    await expect(started().store.insertActive(newKey(first.org))).rejects.toMatchObject({ code: 'revoked' });
  });

  it('accepts no first key for an organization that was shredded before it had one', async () => {
    const org = await started().newOrganization();
    expect(await started().store.destroyAll(org)).toBe(0);
    await expect(started().store.insertActive(newKey(org))).rejects.toMatchObject({ code: 'revoked' });
    expect(await started().store.undestroyed(org)).toEqual([]);
  });

  it('leaves no key alive when a key is inserted while the organization is shredded', async () => {
    for (let round = 0; round < 5; round++) {
      const { org, id } = await started().store.insertActive(newKey(await started().newOrganization()));
      await started().store.retire(org, id);
      await Promise.all([
        started().store.destroyAll(org),
        started()
          .store.insertActive(newKey(org))
          .catch(() => undefined),
      ]);
      expect(await started().store.undestroyed(org)).toEqual([]);
    }
  });
}
