import { beforeEach, describe, expect, it } from '@jest/globals';
import { keysUnavailable } from './errors.js';
import type { MemoryDataKeyStore } from './testing/memory-data-key-store.js';
import type { MemoryKms } from './testing/memory-kms.js';
import { codeOf, place, text, VaultWorld } from './testing/vault-world.js';
import type { Vault } from './vault.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
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

describe('sealing and opening', () => {
  it('opens in any process what any process sealed, under one data key per organization', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    expect(await replica().open(place(org), sealed, text)).toBe(TOKEN);
    await replica().seal(place(org), Buffer.from(TOKEN));
    expect(await store.undestroyed(org)).toHaveLength(1);
  });

  it('makes one data key when many processes seal for a new organization at once, and all of them open it', async () => {
    const vaults = Array.from({ length: 6 }, replica);
    const sealed = await Promise.all(vaults.map((each) => each.seal(place(org), Buffer.from(TOKEN))));
    expect(await store.undestroyed(org)).toHaveLength(1);
    for (const bytes of sealed) expect(await replica().open(place(org), bytes, text)).toBe(TOKEN);
    expect(kms.handedOut.every((plaintext) => plaintext.equals(Buffer.alloc(32)))).toBe(true);
  });

  it('opens nothing of one organization as another', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const other = world.newOrganization();
    await vault.seal(place(other), Buffer.from('theirs'));
    expect(await codeOf(vault.open(place(other), sealed, text))).toBe('internal');
  });

  it('says the same for every way in which bytes do not open, and nothing about them', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const flipped = Buffer.from(sealed);
    flipped[70] = (flipped[70] ?? 0) ^ 1;
    const attempts = [
      vault.open({ ...place(org), generation: 2 }, sealed, text),
      vault.open(place(org), flipped, text),
      vault.open(place(org), Buffer.alloc(0), text),
      vault.open(place(org), Buffer.alloc(100, 1), text),
    ];
    const sentences = await Promise.all(attempts.map((attempt) => attempt.catch((reason: Error) => reason.message)));
    expect(new Set(sentences)).toEqual(new Set(['A stored secret could not be opened; it was not used.']));
  });
});

describe('plaintext buffers', () => {
  it('are zeroed: what was sealed, what was lent, and the data key', async () => {
    const plaintext = Buffer.from(TOKEN);
    const sealed = await vault.seal(place(org), plaintext);
    expect(plaintext).toEqual(Buffer.alloc(TOKEN.length));
    let lent: Buffer = Buffer.of(1);
    await replica().open(place(org), sealed, (bytes) => {
      expect(bytes.toString()).toBe(TOKEN);
      lent = bytes;
    });
    expect(lent).toEqual(Buffer.alloc(TOKEN.length));
    expect(kms.handedOut).toHaveLength(2);
    for (const dataKey of kms.handedOut) expect(dataKey).toEqual(Buffer.alloc(32));
  });

  it('are zeroed when sealing fails, and when the borrower throws', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const plaintext = Buffer.from(TOKEN);
    expect(await codeOf(vault.seal({ ...place(org), field: '' }, plaintext))).toBe('internal');
    expect(plaintext).toEqual(Buffer.alloc(TOKEN.length));
    let lent: Buffer = Buffer.of(1);
    const failing = vault.open(place(org), sealed, (bytes) => {
      lent = bytes;
      throw new Error('borrower');
    });
    await expect(failing).rejects.toThrow('borrower');
    expect(lent).toEqual(Buffer.alloc(TOKEN.length));
  });

  it('are zeroed where another process was first with its data key', async () => {
    const insert = store.insertActive.bind(store);
    store.insertActive = async (key) => {
      store.insertActive = insert;
      await replica().seal(place(org), Buffer.from('first'));
      return insert(key);
    };
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    expect(await replica().open(place(org), sealed, text)).toBe(TOKEN);
    expect(kms.handedOut.filter((plaintext) => !plaintext.equals(Buffer.alloc(32)))).toEqual([]);
  });
});

describe('visits to the KMS', () => {
  it('are shared by concurrent misses: a thousand opens, one request', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const cold = replica();
    kms.calls.length = 0;
    const opened = await Promise.all(Array.from({ length: 1_000 }, () => cold.open(place(org), sealed, text)));
    expect(new Set(opened)).toEqual(new Set([TOKEN]));
    expect(kms.calls).toEqual(['decrypt']);
  });

  it('are shared between sealing and opening', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const cold = replica();
    kms.calls.length = 0;
    await Promise.all([
      cold.open(place(org), sealed, text),
      cold.seal(place(org), Buffer.from(TOKEN)),
      cold.open(place(org), sealed, text),
    ]);
    expect(kms.calls).toEqual(['decrypt']);
  });

  it('fail together, and the next one tries again', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const cold = replica();
    kms.calls.length = 0;
    kms.before = () => {
      throw keysUnavailable(new Error('down'));
    };
    const codes = await Promise.all(Array.from({ length: 50 }, () => codeOf(cold.open(place(org), sealed, text))));
    expect(new Set(codes)).toEqual(new Set(['dependency_unavailable']));
    expect(kms.calls).toEqual(['decrypt']);
    kms.before = () => undefined;
    expect(await cold.open(place(org), sealed, text)).toBe(TOKEN);
  });

  it('happen again after five minutes, and after 100,000 uses', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    kms.calls.length = 0;
    world.clock.advance(5 * MINUTE);
    await vault.open(place(org), sealed, text);
    expect(kms.calls).toEqual(['decrypt']);
    for (let use = 1; use < 100_000; use++) await vault.open(place(org), sealed, text);
    expect(kms.calls).toEqual(['decrypt']);
    await vault.open(place(org), sealed, text);
    expect(kms.calls).toEqual(['decrypt', 'decrypt']);
  });

  it('are as many as the bound on uses asks for, when more callers than that wait for one key', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const cold = replica();
    kms.calls.length = 0;
    await Promise.all(Array.from({ length: 100_001 }, () => cold.open(place(org), sealed, text)));
    expect(kms.calls).toHaveLength(2);
  });
});

describe('while the KMS is away', () => {
  const away = () => {
    throw keysUnavailable(new Error('down'));
  };

  it('what is cached goes on opening and sealing until its five minutes are over, and no longer', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    kms.before = away;
    world.clock.advance(5 * MINUTE - 1);
    expect(await vault.open(place(org), sealed, text)).toBe(TOKEN);
    expect(await vault.open(place(org), await vault.seal(place(org), Buffer.from('new')), text)).toBe('new');
    world.clock.advance(1);
    expect(await codeOf(vault.open(place(org), sealed, text))).toBe('dependency_unavailable');
    expect(await codeOf(vault.seal(place(org), Buffer.from('new')))).toBe('dependency_unavailable');
  });

  it('a new organization can not be served: its connect fails closed and stores no key', async () => {
    kms.before = away;
    expect(await codeOf(vault.seal(place(org), Buffer.from(TOKEN)))).toBe('dependency_unavailable');
    expect(await store.undestroyed(org)).toEqual([]);
  });

  it('a slow answer delays only those who need it', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    const slow = world.newOrganization();
    let release = (): void => undefined;
    kms.before = () => new Promise((resolve) => (release = resolve));
    const waiting = vault.seal(place(slow), Buffer.from(TOKEN));
    expect(await vault.open(place(org), sealed, text)).toBe(TOKEN);
    release();
    await waiting;
  });
});

describe('the nonce budget', () => {
  it('is reserved in the store before it is used: 1,024 messages at a time', async () => {
    const reserve = store.reserveMessages.bind(store);
    const reservations: number[] = [];
    store.reserveMessages = (of, id, count, limit) => {
      reservations.push(count, limit);
      return reserve(of, id, count, limit);
    };
    await Promise.all(Array.from({ length: 1_024 }, () => vault.seal(place(org), Buffer.from('x'))));
    expect(reservations).toEqual([1_024, 2 ** 20]);
    await vault.seal(place(org), Buffer.from('x'));
    expect(reservations).toEqual([1_024, 2 ** 20, 1_024, 2 ** 20]);
  });

  it('holds across processes: no message is sealed beyond 2^20 under one key', async () => {
    await vault.seal(place(org), Buffer.from('x'));
    const [first] = await store.undestroyed(org);
    store.row(first?.id ?? '').reserved = 2 ** 20 - 2 * 1_024;
    const sealed = await Promise.all(
      Array.from({ length: 8 }, replica).flatMap((each) =>
        Array.from({ length: 1_024 }, () => each.seal(place(org), Buffer.from('x'))),
      ),
    );
    const underFirst = sealed.filter((bytes) => bytes.toString('hex', 1, 17) === first?.id.slice(4));
    expect(underFirst.length).toBeLessThanOrEqual(2 * 1_024);
    expect(store.row(first?.id ?? '')).toMatchObject({ state: 'decrypt_only', reserved: 2 ** 20 });
    const last = sealed.at(-1) ?? Buffer.alloc(0);
    expect(await vault.open(place(org), last, text)).toBe('x');
  });

  it('a refused message takes nothing of it', async () => {
    const spent: number[] = [];
    store.reserveMessages = async () => spent.push(1) > 0;
    expect(await codeOf(vault.seal({ ...place(org), generation: 0 }, Buffer.from('x')))).toBe('internal');
    expect(spent).toEqual([]);
  });

  it('a store that never grants any is an error, not a loop of fresh keys', async () => {
    store.reserveMessages = async () => false;
    expect(await codeOf(vault.seal(place(org), Buffer.from('x')))).toBe('dependency_unavailable');
    expect((await store.undestroyed(org)).length).toBeLessThanOrEqual(5);
  });
});

describe('rotation of the data key', () => {
  async function keyIdOf(sealed: Promise<Buffer>): Promise<string> {
    return `dek_${(await sealed).toString('hex', 1, 17)}`;
  }

  it('comes after 30 days, to the millisecond; what was sealed before still opens', async () => {
    const old = await vault.seal(place(org), Buffer.from(TOKEN));
    const first = await keyIdOf(Promise.resolve(old));
    world.clock.advance(30 * DAY - 1);
    expect(await keyIdOf(vault.seal(place(org), Buffer.from('x')))).toBe(first);
    world.clock.advance(1);
    expect(await keyIdOf(vault.seal(place(org), Buffer.from('x')))).not.toBe(first);
    expect(store.row(first).state).toBe('decrypt_only');
    expect(await vault.open(place(org), old, text)).toBe(TOKEN);
  });

  it('comes when asked for: here at once, in other processes within five minutes', async () => {
    const other = replica();
    const sealed = await other.seal(place(org), Buffer.from('x'));
    await vault.rotate(org);
    const next = await keyIdOf(vault.seal(place(org), Buffer.from('x')));
    expect(next).not.toBe(await keyIdOf(Promise.resolve(sealed)));
    world.clock.advance(5 * MINUTE);
    await other.open(place(org), sealed, text); // which brings the old key back into its cache
    expect(await keyIdOf(other.seal(place(org), Buffer.from('x')))).toBe(next);
  });
});

describe('metrics', () => {
  it('count each operation, each request to the KMS and each cache hit, by outcome', async () => {
    const sealed = await vault.seal(place(org), Buffer.from(TOKEN));
    await vault.open(place(org), sealed, text);
    await codeOf(vault.open({ ...place(org), generation: 2 }, sealed, text));
    expect(world.counted).toEqual(['kms generate_data_key ok', 'seal ok', 'hit', 'open ok', 'hit', 'open failed']);
    world.counted.length = 0;
    kms.before = () => {
      throw keysUnavailable(new Error('down'));
    };
    await codeOf(replica().open(place(org), sealed, text));
    expect(world.counted).toEqual(['kms decrypt unavailable', 'open failed']);
  });
});
