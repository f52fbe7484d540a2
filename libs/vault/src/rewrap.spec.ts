import { newId } from '@keyward/contracts';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { keysUnavailable } from './errors.js';
import { MemoryDataKeyStore } from './testing/memory-data-key-store.js';
import { MemoryKms } from './testing/memory-kms.js';
import type { RewrapReport } from './rewrap.js';
import { Vault } from './vault.js';

let kms: MemoryKms;
let store: MemoryDataKeyStore;
let orgs: string[];
let sealed: Map<string, Buffer>;

const place = (org: string) => ({ org, record: 'conn_1', field: 'access_token', generation: 1 });
const newVault = () => new Vault({ kms, dataKeys: store });

async function keysUnder(kmsKeyId: string): Promise<number> {
  const keys = await Promise.all(orgs.map((org) => store.undestroyed(org)));
  return keys.flat().filter((key) => key.kmsKeyId === kmsKeyId).length;
}

async function activeOf(index: number) {
  const key = await store.active(orgs[index] ?? '');
  if (key === null) throw new Error('no key');
  return store.row(key.id);
}

/** The KMS goes away with its n-th re-encryption. */
function awayFrom(n: number): void {
  let requests = 0;
  kms.before = (op) => {
    if (op === 'reencrypt' && ++requests >= n) throw keysUnavailable(new Error('down'));
  };
}

beforeEach(async () => {
  kms = new MemoryKms();
  store = new MemoryDataKeyStore();
  orgs = Array.from({ length: 7 }, () => newId('org')).sort();
  sealed = new Map();
  const vault = newVault();
  for (const org of orgs) {
    store.addOrganization(org);
    sealed.set(org, await vault.seal(place(org), Buffer.from(org)));
  }
  await vault.rotate(orgs[0] ?? '');
  await vault.seal(place(orgs[0] ?? ''), Buffer.from('x'));
  kms.rotate();
});

describe('rewrapping after a change of the KMS key', () => {
  it('moves every data key, those that only open included, and everything still opens', async () => {
    const report = await newVault().rewrap();
    expect(report).toEqual({ processed: 8, failed: [], resumeAfter: orgs.at(-1), complete: true });
    expect(await keysUnder('memory-1')).toBe(8);
    const vault = newVault();
    for (const [org, bytes] of sealed) expect(await vault.open(place(org), bytes, String)).toBe(org);
  });

  it('counts as processed what succeeded, when the KMS goes away in the middle, and goes on from there', async () => {
    awayFrom(5);
    const report = await newVault().rewrap();
    expect(report).toMatchObject({ processed: 4, complete: false, stoppedBy: { code: 'dependency_unavailable' } });
    expect(await keysUnder('memory-1')).toBe(4);
    kms.before = () => undefined;
    kms.calls.length = 0;
    const rest = await newVault().rewrap({ after: report.resumeAfter });
    expect(rest).toMatchObject({ processed: 4, complete: true });
    expect(kms.calls).toHaveLength(4);
    expect(await keysUnder('memory-1')).toBe(8);
  });

  it('resumes from every point at which it can stop, and skips no key', async () => {
    for (let point = 1; point <= 8; point++) {
      kms.rotate();
      awayFrom(point);
      const { processed, resumeAfter } = await newVault().rewrap();
      kms.before = () => undefined;
      expect(await keysUnder(kms.currentKeyId)).toBe(processed);
      expect((await newVault().rewrap({ after: resumeAfter })).complete).toBe(true);
      expect(await keysUnder(kms.currentKeyId)).toBe(8);
    }
  });

  it('goes on past a key that the KMS denies alone, and stops where it denies several in a row', async () => {
    const denied = await activeOf(2);
    kms.reencrypt = async (wrapped, context) => {
      if (wrapped.equals(denied.wrapped)) throw keysUnavailable(new Error('AccessDenied'));
      return MemoryKms.prototype.reencrypt.call(kms, wrapped, context);
    };
    const report = await newVault().rewrap();
    expect(report).toMatchObject({ processed: 7, complete: false, resumeAfter: orgs[1] });
    expect(report.failed).toMatchObject([{ org: orgs[2], dataKeyId: denied.id }]);
    expect(report.stoppedBy).toBeUndefined();
    kms.calls.length = 0;
    awayFrom(1);
    expect(await newVault().rewrap()).toMatchObject({
      processed: 0,
      resumeAfter: null,
      stoppedBy: { code: 'dependency_unavailable' },
    });
    expect(kms.calls).toHaveLength(3);
  });

  it('stops before the next key where it is told to, and goes on from there', async () => {
    const stop = new AbortController();
    const onProgress = ({ resumeAfter }: RewrapReport) => resumeAfter === orgs[2] && stop.abort(new Error('enough'));
    const stopped = await newVault().rewrap({ onProgress, signal: stop.signal });
    expect(stopped).toMatchObject({ processed: 4, failed: [], resumeAfter: orgs[2], complete: false });
    expect(stopped.stoppedBy).toEqual(new Error('enough'));
    expect(await newVault().rewrap({ after: stopped.resumeAfter })).toMatchObject({ processed: 4, complete: true });
  });

  it('stops at once where the store is away', async () => {
    store.replaceWrapped = async () => {
      throw keysUnavailable(new Error('store'));
    };
    expect(await newVault().rewrap()).toMatchObject({ processed: 0, failed: [], complete: false });
    expect(kms.calls.filter((op) => op === 'reencrypt')).toHaveLength(1);
  });

  it('goes on past a damaged key, names it, leaves it as it is, and does not resume behind it', async () => {
    const damaged = await activeOf(3);
    damaged.wrapped = Buffer.from(damaged.wrapped);
    damaged.wrapped[20] = (damaged.wrapped[20] ?? 0) ^ 1;
    const before = Buffer.from(damaged.wrapped);
    const report = await newVault().rewrap();
    expect(report).toMatchObject({ processed: 7, complete: false, resumeAfter: orgs[2] });
    expect(report.failed).toMatchObject([{ org: orgs[3], dataKeyId: damaged.id, reason: { code: 'internal' } }]);
    expect(damaged.wrapped).toEqual(before);
  });

  it('is harmless to repeat', async () => {
    await newVault().rewrap();
    expect(await newVault().rewrap()).toMatchObject({ processed: 8, complete: true });
    const vault = newVault();
    for (const [org, bytes] of sealed) expect(await vault.open(place(org), bytes, String)).toBe(org);
  });

  it('does not bring back a key that is shredded while the KMS works', async () => {
    const victim = orgs[4] ?? '';
    const { wrapped } = await activeOf(4);
    kms.reencrypt = async (bytes, context) => {
      if (bytes === wrapped) await store.destroyAll(victim);
      return MemoryKms.prototype.reencrypt.call(kms, bytes, context);
    };
    expect(await newVault().rewrap()).toMatchObject({ processed: 7, complete: true });
    expect(await store.undestroyed(victim)).toEqual([]);
  });

  it('keeps what another run stored meanwhile, and still ends under the current key', async () => {
    kms.before = async (op) => {
      if (op !== 'reencrypt') return;
      kms.before = () => undefined;
      await newVault().rewrap();
    };
    expect(await newVault().rewrap()).toMatchObject({ processed: 8, complete: true });
    expect(await keysUnder('memory-1')).toBe(8);
  });

  it('walks more organizations than fit one page', async () => {
    for (let i = 0; i < 250; i++) store.addOrganization(newId('org'));
    const seen: RewrapReport['processed'][] = [];
    expect(await newVault().rewrap({ onProgress: (report) => seen.push(report.processed) })).toMatchObject({
      processed: 8,
      complete: true,
    });
    expect(seen).toHaveLength(257);
  });
});
