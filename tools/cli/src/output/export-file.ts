import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Hint, Usage } from './fail.js';
import type { Output } from './output.js';

const LINE_FEED = 0x0a;
/** The last line of an export has some 150 bytes. */
const TAIL_BYTES = 1_024;
const END = /^\{"kind":"end",/;

interface Target {
  /** Undefined: standard output. */
  file: string | undefined;
  force: boolean;
  out: Output;
}

/**
 * Writes an export as it comes. A file has its name only once the last line of the export is in it; what is interrupted leaves `<file>.part`
 * at most. @returns how many lines
 */
export async function exportTo(chunks: AsyncIterable<Uint8Array>, { file, force, out }: Target): Promise<number> {
  if (file === undefined) return copy(chunks, toStandardOutput, out);
  if (!force && existsSync(file)) throw new Usage(`${file} is there already. Name another one, or replace it with --force.`);
  const part = `${file}.part`;
  // What people did is for those who may read the trail.
  const target = await open(part, 'w', 0o600);
  try {
    const lines = await copy(chunks, async (chunk) => void (await target.writeFile(chunk)), out);
    await target.sync();
    await target.close();
    await rename(part, file);
    return lines;
  } catch (thrown) {
    await target.close().catch(() => undefined);
    await rm(part, { force: true });
    throw thrown;
  } finally {
    out.progressEnd();
  }
}

async function toStandardOutput(chunk: Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}

/** @throws Hint where the last line is not the one that ends an export */
async function copy(
  chunks: AsyncIterable<Uint8Array>,
  write: (chunk: Uint8Array) => Promise<void>,
  out: Output,
): Promise<number> {
  let lines = 0;
  let tail = Buffer.alloc(0);
  for await (const chunk of whole(chunks)) {
    await write(chunk);
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) lines++;
    tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    out.progress(`${lines} lines`);
  }
  const last = tail.toString('utf8').trimEnd().split('\n').at(-1) ?? '';
  if (!END.test(last)) throw notWhole();
  return lines;
}

async function* whole(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (thrown) {
    // How fetch tells that the other side went away in the middle.
    if (thrown instanceof TypeError) throw notWhole();
    throw thrown;
  }
}

function notWhole(): Hint {
  return new Hint(
    'The export stopped before its end; nothing was kept of it.',
    'Try again. If it happens again, audit-service says why in its log.',
  );
}
