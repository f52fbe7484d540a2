import { isUtf8 } from 'node:buffer';

/** Of one line in bytes. The events that Keyward writes have a few kilobytes; what is longer is no export, and must not fill the memory. */
export const MAX_LINE_BYTES = 1_048_576;

const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** A line that can't be given as text. `line` counts from 1. */
export class UnreadableLine extends Error {
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
    this.name = 'UnreadableLine';
  }
}

/**
 * The lines of a file, without their line feeds, in memory bounded by the longest line. A byte order mark at the start is no part of the
 * first line (RFC 8259 section 8.1).
 * @throws UnreadableLine where a line is longer than {@link MAX_LINE_BYTES} or is not UTF-8
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let line = 1;
  const take = (end: Buffer): string => {
    const bytes = pending.length === 0 ? end : Buffer.concat([...pending, end]);
    pending = [];
    pendingBytes = 0;
    return text(bytes, line++);
  };
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, start)) {
      yield take(bytes.subarray(start, at));
      start = at + 1;
    }
    pending.push(bytes.subarray(start));
    pendingBytes += bytes.length - start;
    if (pendingBytes > MAX_LINE_BYTES) throw tooLong(line);
  }
  if (pendingBytes > 0) yield take(Buffer.alloc(0));
}

function text(bytes: Buffer, line: number): string {
  if (bytes.length > MAX_LINE_BYTES) throw tooLong(line);
  if (!isUtf8(bytes)) throw new UnreadableLine(line, 'it is not UTF-8 text');
  const marked = line === 1 && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  return bytes.toString('utf8', marked ? BYTE_ORDER_MARK.length : 0);
}

function tooLong(line: number): UnreadableLine {
  return new UnreadableLine(line, `it is longer than ${MAX_LINE_BYTES} bytes`);
}
