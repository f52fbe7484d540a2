import { KeywardError } from '@keyward/contracts';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { KeyManagement, KmsContext } from '../ports.js';
import { findConfusedContexts } from './kms-context-ambiguity.js';

export interface KmsUnderTest {
  kms: KeyManagement;
  /** Makes a fresh key of the KMS the current one; the answer wraps under that and still opens what the earlier one wrapped. */
  rotate(): Promise<KeyManagement>;
}

/** A damaged key may name a wrapping key that is not ours: AWS then answers as for one that we are denied, which can pass. */
const REFUSALS = ['internal', 'dependency_unavailable'];
const CONTEXT: KmsContext = { org: 'org_01', purpose: 'data-key' };

async function refusal(attempt: Promise<unknown>): Promise<KeywardError> {
  const thrown: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(thrown).toBeInstanceOf(KeywardError);
  return thrown as KeywardError;
}

/** What the vault relies on in a KMS, the same for every adapter. */
export function describeKeyManagement(name: string, start: () => Promise<KmsUnderTest>): void {
  describe(`${name} keeps the contract of key management`, () => {
    let started: KmsUnderTest;
    beforeAll(async () => {
      started = await start();
    });
    itWraps(() => started.kms);
    itBindsTheContext(() => started.kms);
    itRefusesDamage(() => started.kms);
    itRotates(() => started);
  });
}

function itWraps(kms: () => KeyManagement): void {
  it('hands out 32 fresh bytes with each data key, and never in the wrapped form', async () => {
    const keys = [await kms().generateDataKey(CONTEXT), await kms().generateDataKey(CONTEXT)] as const;
    for (const key of keys) {
      expect(key.plaintext).toHaveLength(32);
      expect(key.plaintext.equals(Buffer.alloc(32))).toBe(false);
      expect(key.wrapped.includes(key.plaintext)).toBe(false);
      expect(key.kmsKeyId).not.toBe('');
    }
    expect(keys[0].plaintext.equals(keys[1].plaintext)).toBe(false);
  });

  it('unwraps what it wrapped, for the same context', async () => {
    const key = await kms().generateDataKey(CONTEXT);
    expect((await kms().decrypt(key.wrapped, { ...CONTEXT })).equals(key.plaintext)).toBe(true);
  });

  it('gives the plaintext away: zeroing it changes nothing for the next', async () => {
    const key = await kms().generateDataKey(CONTEXT);
    const first = await kms().decrypt(key.wrapped, CONTEXT);
    first.fill(0);
    expect((await kms().decrypt(key.wrapped, CONTEXT)).equals(key.plaintext)).toBe(true);
  });

  it('is healthy', async () => {
    await expect(kms().health()).resolves.toBeUndefined();
  });
}

function itBindsTheContext(kms: () => KeyManagement): void {
  it('unwraps for no other organization and no other purpose', async () => {
    const { wrapped } = await kms().generateDataKey(CONTEXT);
    expect((await refusal(kms().decrypt(wrapped, { ...CONTEXT, org: 'org_02' }))).code).toBe('internal');
    expect((await refusal(kms().decrypt(wrapped, { ...CONTEXT, purpose: 'other' }))).code).toBe('internal');
    expect((await refusal(kms().reencrypt(wrapped, { ...CONTEXT, org: 'org_02' }))).code).toBe('internal');
  });

  it('confuses no two contexts, however they are joined', async () => {
    expect(await findConfusedContexts(kms())).toBeNull();
  });

  it.each(['', 'org:1', 'org 1', 'org\n', 'org\u0000', 'örg', 'keyward:purpose', 'a'.repeat(129)])(
    'refuses the context value %j before anything is wrapped for it',
    async (value) => {
      const { wrapped } = await kms().generateDataKey(CONTEXT);
      for (const context of [
        { ...CONTEXT, org: value },
        { ...CONTEXT, purpose: value },
      ]) {
        expect((await refusal(kms().generateDataKey(context))).code).toBe('internal');
        expect((await refusal(kms().decrypt(wrapped, context))).code).toBe('internal');
        expect((await refusal(kms().reencrypt(wrapped, context))).code).toBe('internal');
      }
    },
  );

  it('says nothing of the key or the context in its public sentence', async () => {
    const { wrapped } = await kms().generateDataKey(CONTEXT);
    const { message } = await refusal(kms().decrypt(wrapped, { ...CONTEXT, org: 'org_02' }));
    expect(message).not.toMatch(/org_0|data-key|arn:/);
  });
}

function itRefusesDamage(kms: () => KeyManagement): void {
  it('refuses a wrapped key with any byte changed', async () => {
    const { wrapped } = await kms().generateDataKey(CONTEXT);
    for (let i = 0; i < wrapped.length; i++) {
      const changed = Buffer.from(wrapped);
      changed[i] = (changed[i] ?? 0) ^ 0x01;
      expect(REFUSALS).toContain((await refusal(kms().decrypt(changed, CONTEXT))).code);
    }
  });

  it('refuses a wrapped key that is cut, lengthened, empty or foreign', async () => {
    const { wrapped } = await kms().generateDataKey(CONTEXT);
    const foreign = Buffer.alloc(wrapped.length, 0x41);
    const cut = [wrapped.subarray(0, -1), wrapped.subarray(0, 5), Buffer.alloc(0)];
    for (const bytes of [...cut, Buffer.concat([wrapped, Buffer.of(0)]), foreign]) {
      expect(REFUSALS).toContain((await refusal(kms().decrypt(bytes, CONTEXT))).code);
      expect(REFUSALS).toContain((await refusal(kms().reencrypt(bytes, CONTEXT))).code);
    }
  });
}

function itRotates(started: () => KmsUnderTest): void {
  it('moves a data key to the next key of the KMS: other bytes, same data key, same context', async () => {
    const key = await started().kms.generateDataKey(CONTEXT);
    const rotated = await started().rotate();
    expect((await rotated.decrypt(key.wrapped, CONTEXT)).equals(key.plaintext)).toBe(true);
    const moved = await rotated.reencrypt(key.wrapped, CONTEXT);
    expect(moved.kmsKeyId).not.toBe(key.kmsKeyId);
    expect(moved.wrapped.equals(key.wrapped)).toBe(false);
    expect((await rotated.decrypt(moved.wrapped, CONTEXT)).equals(key.plaintext)).toBe(true);
    expect((await refusal(rotated.decrypt(moved.wrapped, { ...CONTEXT, org: 'org_02' }))).code).toBe('internal');
    const again = await rotated.reencrypt(moved.wrapped, CONTEXT);
    expect((await rotated.decrypt(again.wrapped, CONTEXT)).equals(key.plaintext)).toBe(true);
    expect((await rotated.generateDataKey(CONTEXT)).kmsKeyId).toBe(moved.kmsKeyId);
  });
}
