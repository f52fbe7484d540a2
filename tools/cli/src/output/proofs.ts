import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ChainPosition } from '@keyward/audit';
import type { VerifyExportOptions } from '@keyward/audit/verification';
import { z } from 'zod';
import { Usage } from './fail.js';

const TIMEOUT_MS = 10_000;
const MAX_KEYS_BYTES = 1_048_576;

const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });
type Keys = NonNullable<VerifyExportOptions['keys']>;
type Anchors = NonNullable<VerifyExportOptions['anchors']>;

/** @throws Usage */
export async function readKeys(file: string | undefined, url: string | undefined): Promise<Keys | undefined> {
  if (file !== undefined) return keysIn(await readFile(file, 'utf8').catch(() => refuse(`${file} can not be read.`)), file);
  return url === undefined ? undefined : keysIn(await fetchKeys(url), url);
}

async function fetchKeys(url: string): Promise<string> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return refuse('--keys-url must be a URL of http or https.');
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    if (response.ok && text.length <= MAX_KEYS_BYTES) return text;
    return refuse(`${url} was answered ${response.status}.`);
  } catch (thrown) {
    return thrown instanceof Usage ? Promise.reject(thrown) : refuse(`${url} can not be reached.`);
  }
}

function keysIn(text: string, what: string): Keys {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse(`${what} is not JSON.`);
  }
  const parsed = jwksSchema.safeParse(value);
  return parsed.success ? (parsed.data.keys as Keys) : refuse(`${what} is no JWKS (RFC 7517): {"keys": [ … ]}`);
}

/** Every file below a directory, as object storage or `keyward audit checkpoints --save` lays them out. @throws Usage */
export async function readAnchors(dir: string): Promise<Anchors> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() =>
    refuse(`${dir} is no directory that can be read.`),
  );
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  if (files.length === 0) return refuse(`${dir} holds no checkpoints.`);
  const anchors = [];
  for (const file of files.toSorted()) anchors.push({ name: relative(dir, file), jws: (await readFile(file, 'utf8')).trim() });
  return anchors;
}

/** @throws Usage */
export function readExpectedHead(text: string | undefined): ChainPosition | undefined {
  if (text === undefined) return undefined;
  const [, seq, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  return seq === undefined || hash === undefined
    ? refuse('--expect-head must be <seq>:<64 hex digits>.')
    : { seq: Number(seq), hash };
}

function refuse(message: string): never {
  throw new Usage(message);
}
