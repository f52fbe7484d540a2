import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeKeyManagement } from '@keyward/vault/testing';
import { addKey, createKeyFile, createLocalKms } from './index.js';

const CONTEXT = { org: 'org_01', purpose: 'data-key' };
const directories: string[] = [];

async function newPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'keyward-kms-'));
  directories.push(directory);
  return join(directory, 'nested', 'kms.json');
}

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true });
});

describeKeyManagement('The local KMS', async () => {
  const keyFile = await newPath();
  await createKeyFile(keyFile);
  return {
    kms: createLocalKms({ keyFile }),
    rotate: async () => {
      await addKey(keyFile);
      return createLocalKms({ keyFile });
    },
  };
});

describe('the key file', () => {
  let keyFile: string;
  beforeEach(async () => {
    keyFile = await newPath();
  });

  it('is made once, readable by its owner only, and never overwritten', async () => {
    expect(await createKeyFile(keyFile)).toBe(true);
    const content = await readFile(keyFile, 'utf8');
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(await createKeyFile(keyFile)).toBe(false);
    expect(await readFile(keyFile, 'utf8')).toBe(content);
  });

  it('is the same for all processes that make it at once, and leaves nothing beside it', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => createKeyFile(keyFile)));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await readdir(join(keyFile, '..'))).toEqual(['kms.json']);
  });

  it('keeps earlier keys when one is added, and stays readable by its owner only', async () => {
    await createKeyFile(keyFile);
    const kms = createLocalKms({ keyFile });
    const before = await kms.generateDataKey(CONTEXT);
    const id = await addKey(keyFile);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect((await kms.decrypt(before.wrapped, CONTEXT)).equals(before.plaintext)).toBe(true);
    expect((await kms.generateDataKey(CONTEXT)).kmsKeyId).toBe(id);
  });

  it('is refused while others may read it, with the command that corrects it', async () => {
    await createKeyFile(keyFile);
    await chmod(keyFile, 0o640);
    await expect(createLocalKms({ keyFile }).health()).rejects.toMatchObject({
      code: 'dependency_unavailable',
      cause: { message: expect.stringContaining(`chmod 600 ${keyFile}`) },
    });
  });

  it('is needed: an absent one is unavailable, and nothing is made in its place', async () => {
    await expect(createLocalKms({ keyFile }).generateDataKey(CONTEXT)).rejects.toMatchObject({ code: 'dependency_unavailable' });
    await expect(stat(keyFile)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([
    ['text', 'no json {'],
    ['another version', '{"version":2,"keys":[]}'],
    ['no keys', '{"version":1,"keys":[]}'],
    [
      'a short key',
      '{"version":1,"keys":[{"id":"local-00000000000000000000000000000000","key":"c2VjcmV0","createdAt":"2026-01-01T00:00:00Z"}]}',
    ],
  ])('with %s is refused without being quoted', async (_what, content) => {
    await createKeyFile(keyFile);
    await writeFile(keyFile, content);
    const thrown: unknown = await createLocalKms({ keyFile })
      .health()
      .catch((reason: unknown) => reason);
    expect(thrown).toMatchObject({ code: 'dependency_unavailable' });
    const text = JSON.stringify([String(thrown), String((thrown as Error).cause)]);
    expect(text).toContain(keyFile);
    expect(text).not.toMatch(/c2VjcmV0|no json/);
  });

  it('opens nothing with another file of the same shape', async () => {
    await createKeyFile(keyFile);
    const other = await newPath();
    await createKeyFile(other);
    const { wrapped } = await createLocalKms({ keyFile }).generateDataKey(CONTEXT);
    await expect(createLocalKms({ keyFile: other }).decrypt(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'internal' });
  });
});
