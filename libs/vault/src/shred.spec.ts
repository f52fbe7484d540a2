import { beforeEach, describe, expect, it } from '@jest/globals';
import type { MemoryDataKeyStore } from './testing/memory-data-key-store.js';
import type { MemoryKms } from './testing/memory-kms.js';
import { codeOf, place, text, VaultWorld } from './testing/vault-world.js';
import type { Vault } from './vault.js';

const MINUTE = 60_000;
const TOKEN = 'ya29.a0-canary';

let org: string;
let world: VaultWorld;
let kms: MemoryKms;
let store: MemoryDataKeyStore;
let vault: Vault;
const replica = (): Vault => world.replica();

beforeEach(() => {
  world = new VaultWorld();
  ({ kms, store } = world);
  vault = replica();
  org = world.newOrganization();
});

describe('a shredded organization', () => {
  it('opens nothing: not what is cached, not in a new process, not through what was sealed before', async () => {
    const old = await vault.seal(place(org), Buffer.from(TOKEN));
    await vault.rotate(org);
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    expect(await vault.shred(org)).toBe(2);
    for (const bytes of [old, sealed]) {
      expect(await codeOf(vault.open(place(org), bytes, text))).toBe('revoked');
      expect(await codeOf(replica().open(place(org), bytes, text))).toBe('revoked');
    }
  });

  it('opens nothing in another process as soon as that one is told to forget it; told without a shredding, it loses nothing', async () => {
    const other = replica();
    const sealed = await other.seal(place(org), Buffer.from(TOKEN));
    other.forget(org);
    expect(await other.open(place(org), sealed, text)).toBe(TOKEN);
    await vault.shred(org);
    other.forget(org);
    expect(await codeOf(other.open(place(org), sealed, text))).toBe('revoked');
  });

  it('stays unreadable in other processes once their cache has run out', async () => {
    const other = replica();
    const sealed = await other.seal(place(org), Buffer.from(TOKEN));
    await vault.shred(org);
    world.clock.advance(5 * MINUTE);
    expect(await codeOf(other.open(place(org), sealed, text))).toBe('revoked');
  });

  it('gets no new key', async () => {
    await vault.seal(place(org), Buffer.from(TOKEN));
    await vault.shred(org);
    expect(await codeOf(vault.seal(place(org), Buffer.from(TOKEN)))).toBe('revoked');
    expect(await store.undestroyed(org)).toEqual([]);
  });

  it('leaves other organizations as they are', async () => {
    const other = world.newOrganization();
    const sealed = await vault.seal(place(other), Buffer.from(TOKEN));
    await vault.seal(place(org), Buffer.from(TOKEN));
    await vault.shred(org);
    expect(await vault.open(place(other), sealed, text)).toBe(TOKEN);
  });

  it('does not come back through a request to the KMS that was under way', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const cold = replica();
    let release = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      kms.before = () => {
        resolve();
        return new Promise((go) => (release = go));
      };
    });
    const opening = codeOf(cold.open(place(org), sealed, text));
    await asked;
    await cold.shred(org);
    release();
    expect(await opening).toBe('revoked');
    expect(kms.handedOut.at(-1)).toEqual(Buffer.alloc(32));
    expect(await codeOf(cold.open(place(org), sealed, text))).toBe('revoked');
  });
});

describe('an organization that is shredded while a message is being sealed', () => {
  it('does not come back through the reservation that was under way', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const cold = replica();
    const reserve = store.reserveMessages.bind(store);
    let release = (): void => undefined;
    const reserved = new Promise<void>((resolve) => {
      store.reserveMessages = async (...request) => {
        const granted = await reserve(...request);
        resolve();
        await new Promise<void>((go) => (release = go));
        return granted;
      };
    });
    const sealing = codeOf(cold.seal(place(org), Buffer.from(TOKEN)));
    await reserved;
    kms.calls.length = 0;
    await cold.shred(org);
    release();
    expect(await sealing).toBe('revoked');
    expect(kms.calls).toEqual([]);
    expect(await codeOf(cold.open(place(org), sealed, text))).toBe('revoked');
  });
});
