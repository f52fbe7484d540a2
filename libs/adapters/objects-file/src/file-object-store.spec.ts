import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

  it('that can not be written says so, without a path in its sentence', async () => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    const store = createFileObjectStore({ dir: join(file, 'below') });
    const refusal = { code: 'dependency_unavailable', message: 'Large results can not be stored or read at the moment.' };
    await expect(store.health()).rejects.toMatchObject(refusal);
    await expect(store.put(objectKey('org_1', 'art_1'), Buffer.from('x'), 'text/plain')).rejects.toMatchObject(refusal);
  });
});
