import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { objectKey } from '@keyward/objects';
import { describeObjectStore } from '@keyward/objects/testing';
import { createFileObjectStore } from './file-object-store.js';

function directory(): string {
  return mkdtempSync(join(tmpdir(), 'keyward-objects-'));
}

describeObjectStore('a directory', () => {
  const dir = directory();
  const stop = async () => rmSync(dir, { recursive: true, force: true });
  return Promise.resolve({ store: createFileObjectStore({ dir }), stop });
});

describe('a directory of objects', () => {
  let dir: string;
  beforeAll(() => {
    dir = directory();
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('is for its owner alone, and keeps nothing half written', async () => {
    const store = createFileObjectStore({ dir });
    await store.put(objectKey('org_1', 'art_1'), Buffer.from('x'), 'text/plain');
    expect(statSync(join(dir, 'org_1', 'art_1')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'org_1')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(dir, 'org_1'))).toEqual(['art_1']);
  });

  it('keeps what is retained for reading only, until its time has come', async () => {
    const store = createFileObjectStore({ dir });
    const key = objectKey('org_1', 'ckp_1');
    const path = join(dir, 'org_1', 'ckp_1');
    const retainUntil = new Date(Date.now() + 60_000);
    await store.put(key, Buffer.from('signed'), 'application/jose', { retainUntil });
    expect([statSync(path).mode & 0o777, statSync(path).mtime]).toEqual([0o400, retainUntil]);
    await expect(store.put(key, Buffer.from('plain'), 'text/plain')).rejects.toMatchObject({ code: 'conflict' });
    await expect(store.remove([key])).rejects.toMatchObject({ code: 'conflict' });
    utimesSync(path, new Date(), new Date(Date.now() - 1_000));
    await store.remove([key]);
    expect(existsSync(path)).toBe(false);
  });

  it('that can not be written says so, without a path in its sentence', async () => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    const store = createFileObjectStore({ dir: join(file, 'below') });
    const refusal = { code: 'dependency_unavailable', message: 'Large results can not be stored or read at the moment.' };
    await expect(store.health()).rejects.toMatchObject(refusal);
    await expect(store.put(objectKey('org_1', 'art_1'), Buffer.from('x'), 'text/plain')).rejects.toMatchObject(refusal);
  });
});
