import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { objectKey, type ObjectStore } from '../object-store.js';

export interface ObjectStoreUnderTest {
  store: ObjectStore;
  stop(): Promise<void>;
}

const TYPE = 'application/octet-stream';
const LARGE = 9 * 1_048_576;

/** What every object store must do. */
export function describeObjectStore(name: string, start: () => Promise<ObjectStoreUnderTest>): void {
  describe(`${name} as an object store`, () => {
    let under: ObjectStoreUnderTest;
    const read = async (key: string): Promise<Buffer | undefined> => {
      const body = await under.store.get(key);
      return body === undefined ? undefined : buffer(body);
    };

    beforeAll(async () => {
      under = await start();
    });
    afterAll(() => under?.stop());

    it('gives back what was put, byte for byte, also where it is large or empty', async () => {
      for (const body of [randomBytes(100), randomBytes(LARGE), Buffer.alloc(0)]) {
        const key = objectKey('org_1', 'agt_1', `art_${body.length}`);
        await under.store.put(key, body, TYPE);
        expect((await read(key))?.equals(body)).toBe(true);
      }
    });

    it('knows no bytes under a key that was never put, nor under a part of one that was', async () => {
      await under.store.put(objectKey('org_2', 'agt_1', 'art_1'), Buffer.from('a'), TYPE);
      expect(await read(objectKey('org_2', 'agt_1', 'art_2'))).toBeUndefined();
      expect(await read(objectKey('org_2', 'agt_1'))).toBeUndefined();
      expect(await read(objectKey('org_2', 'agt_1', 'art_1', 'more'))).toBeUndefined();
    });

    it('puts what is put later in the place of what was there', async () => {
      const key = objectKey('org_3', 'art_1');
      await under.store.put(key, Buffer.from('the first, and longer'), TYPE);
      await under.store.put(key, Buffer.from('the second'), TYPE);
      expect((await read(key))?.toString()).toBe('the second');
    });

    it('never shows one half of what is being put', async () => {
      const key = objectKey('org_4', 'art_1');
      const bodies = [Buffer.alloc(LARGE, 'a'), Buffer.alloc(LARGE, 'b')];
      await under.store.put(key, bodies[0] as Buffer, TYPE);
      const putting = under.store.put(key, bodies[1] as Buffer, TYPE);
      const seen = await read(key);
      await putting;
      expect(bodies.some((body) => seen?.equals(body))).toBe(true);
    });

    it('removes many at once, and what is not there without a word', async () => {
      const keys = Array.from({ length: 5 }, (_, index) => objectKey('org_5', `art_${index}`));
      for (const key of keys.slice(0, 4)) await under.store.put(key, Buffer.from(key), TYPE);
      await under.store.remove(keys.slice(1));
      await under.store.remove([]);
      expect(await Promise.all(keys.map(async (key) => (await read(key)) !== undefined))).toEqual([
        true,
        ...Array(4).fill(false),
      ]);
    });

    itLocksWhatIsRetained(() => under.store);

    it.each([
      '',
      '/',
      'a//b',
      '../b',
      'a/../b',
      'a/./b',
      '/a',
      'a/',
      'a b',
      'a\0',
      'a\\b',
      'é',
      'a.b',
      Array(9).fill('a').join('/'),
    ])('takes no key that is not made of ids: %j', async (key) => {
      await expect(under.store.put(key, Buffer.from('x'), TYPE)).rejects.toThrow(TypeError);
      await expect(under.store.get(key)).rejects.toThrow(TypeError);
      await expect(under.store.remove([key])).rejects.toThrow(TypeError);
    });

    it('is healthy', async () => {
      await expect(under.store.health()).resolves.toBeUndefined();
    });
  });
}

function itLocksWhatIsRetained(store: () => ObjectStore): void {
  it('locks what is put to be retained: the same may be put again, something else not', async () => {
    const key = objectKey('org_6', 'ckp_1');
    const retainUntil = new Date(Date.now() + 60_000);
    const put = (body: string) => store().put(key, Buffer.from(body), TYPE, { retainUntil });
    await put('signed');
    await put('signed');
    await expect(put('forged')).rejects.toMatchObject({ code: 'conflict' });
    expect(await text((await store().get(key)) ?? Readable.from([]))).toBe('signed');
  });
}
