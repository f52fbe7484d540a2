import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';

/**
 * The key file, JSON, mode 0600:
 *
 *   {"version": 1, "keys": [{"id": "local-<32 hex digits>", "key": "<base64 of 32 bytes>", "createdAt": "<RFC 3339>"}, …]}
 *
 * The last key wraps; the others only unwrap what they have wrapped, until `rewrapDataKeys` has moved everything to the last.
 */
const keyFileSchema = z.strictObject({
  version: z.literal(1),
  keys: z
    .array(
      z.strictObject({
        id: z.string().regex(/^local-[0-9a-f]{32}$/),
        key: z.base64().refine((text) => Buffer.from(text, 'base64').length === KEY_BYTES, 'must be 32 bytes'),
        createdAt: z.iso.datetime(),
      }),
    )
    .min(1)
    .refine((keys) => new Set(keys.map((key) => key.id)).size === keys.length, 'ids must differ'),
});
type KeyFile = z.infer<typeof keyFileSchema>;

export const KEY_BYTES = 32;
const OWNER_ONLY = 0o600;
const GROUP_AND_OTHERS = 0o077;

export interface WrappingKey {
  id: string;
  /** The caller zeroes it. */
  key: Buffer;
}

function newKey(): KeyFile['keys'][number] {
  return {
    id: `local-${randomBytes(16).toString('hex')}`,
    key: randomBytes(KEY_BYTES).toString('base64'),
    createdAt: new Date().toISOString(),
  };
}

/** @throws Error that names the file and what is wrong with it, never what is in it. */
async function readKeyFile(path: string): Promise<KeyFile> {
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & GROUP_AND_OTHERS) !== 0) {
    throw new Error(`${path} can be read by others than its owner; run: chmod 600 ${path}`);
  }
  const text = await readFile(path, 'utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`${path} is not JSON`); // without the parser's message, which quotes the text
  }
  const parsed = keyFileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.code}`);
  throw new Error(`${path} is not a key file: ${problems.join(', ')}`);
}

/** The key that wraps now. */
export async function currentKey(path: string): Promise<WrappingKey> {
  const { keys } = await readKeyFile(path);
  const last = keys.at(-1);
  if (last === undefined) throw new Error(`${path} holds no key`);
  return { id: last.id, key: Buffer.from(last.key, 'base64') };
}

/** The key that wrapped something; undefined when the file does not hold it (any more). */
export async function keyById(path: string, id: string): Promise<WrappingKey | undefined> {
  const found = (await readKeyFile(path)).keys.find((key) => key.id === id);
  return found && { id, key: Buffer.from(found.key, 'base64') };
}

/** A whole file or none, on the disk before anybody depends on it: losing this file loses everything that was sealed. */
async function writeBeside(path: string, content: KeyFile): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(beside, 'wx', OWNER_ONLY);
  try {
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return beside;
}

function exists(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === 'EEXIST';
}

/**
 * Makes the key file with one fresh key unless there is one; never overwrites, even when two processes come at once.
 * @returns true when it was made now.
 */
export async function createKeyFile(path: string): Promise<boolean> {
  const beside = await writeBeside(path, { version: 1, keys: [newKey()] });
  try {
    await link(beside, path);
    return true;
  } catch (thrown) {
    if (!exists(thrown)) throw thrown;
    await readKeyFile(path);
    return false;
  } finally {
    await unlink(beside);
  }
}

/** Adds a fresh key, which wraps from now on in every process. Follow with `rewrapDataKeys`. One caller at a time. @returns its id */
export async function addKey(path: string): Promise<string> {
  const content = await readKeyFile(path);
  const added = newKey();
  await rename(await writeBeside(path, { version: 1, keys: [...content.keys, added] }), path);
  return added.id;
}
