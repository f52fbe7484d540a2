import type { JWK } from 'jose';
import type { ChainPosition } from '../chain.js';
import { checkpointKeys, type CheckpointKeys } from '../checkpoint/keys.js';
import { broken, ExportBroken } from './broken.js';
import { Known, type Anchor } from './known.js';
import { NotJson, parseExportLine } from './parse-line.js';
import { UnreadableLine } from './read-lines.js';
import type { ExportFault, ExportSummary, ExportVerdict } from './verdict.js';
import { ExportWalk } from './walk.js';

export interface VerifyExportOptions {
  /** Public keys of the deployment, old ones included. None: signatures are not looked at, and only an expected head proves anything. */
  keys?: readonly JWK[];
  /** Checkpoints that were kept elsewhere; those of other organizations are passed over. */
  anchors?: readonly Anchor[];
  /** The head of the trail, or an earlier record of it, as somebody noted it. */
  expectedHead?: ChainPosition;
}

/**
 * Verifies an export of an audit trail, offline, in memory that does not depend on its length.
 *
 * Pass what `readLines` gives. Whatever the text, the answer is a verdict.
 * @throws TypeError where a key can't be used; what reading the lines throws, other than UnreadableLine
 */
export async function verifyExport(lines: AsyncIterable<string>, options: VerifyExportOptions = {}): Promise<ExportVerdict> {
  const keys = await checkpointKeys(options.keys ?? []);
  const reader = new LineReader(lines[Symbol.asyncIterator]());
  let walk: ExportWalk | undefined;
  try {
    walk = await begin(reader, options, keys);
    await follow(reader, walk);
    const proof = walk.filtered ? 'rows' : walk.whole ? 'proven' : 'chain';
    return { ...walk.summary(), ok: true, proof };
  } catch (thrown) {
    const fault = await explained(faultOf(thrown), reader);
    return { ...(walk?.summary() ?? NOTHING), ok: false, fault };
  } finally {
    await reader.close();
  }
}

const NOTHING: ExportSummary = { events: 0, filtered: false, checkpoints: 0, anchors: 0 };

/** One line at a time, counted. */
class LineReader {
  line = 0;

  constructor(private readonly lines: AsyncIterator<string>) {}

  /** Undefined behind the last one; `line` is then one past it. */
  async next(): Promise<string | undefined> {
    this.line++;
    const { done, value } = await this.lines.next();
    return done === true ? undefined : value;
  }

  async close(): Promise<void> {
    await this.lines.return?.();
  }
}

async function begin(reader: LineReader, options: VerifyExportOptions, keys: CheckpointKeys): Promise<ExportWalk> {
  const first = await reader.next();
  if (first === undefined) throw broken('truncated', 1, 'the file is empty');
  const header = parseExportLine(first, reader.line);
  if (header.kind !== 'export')
    throw broken('truncated', 1, `it starts with a line of kind ${header.kind}: its beginning is not there`);
  const known = await Known.of(header.organization, { anchors: options.anchors ?? [], expectedHead: options.expectedHead }, keys);
  return new ExportWalk(header, keys, known);
}

async function follow(reader: LineReader, walk: ExportWalk): Promise<void> {
  for (let text = await reader.next(); text !== undefined; text = await reader.next()) {
    const line = parseExportLine(text, reader.line);
    if (line.kind === 'event') walk.event(line, reader.line);
    else if (line.kind === 'checkpoint') await walk.checkpoint(line.jws, reader.line);
    else if (line.kind === 'end') {
      walk.end(line, reader.line);
      if ((await reader.next()) !== undefined)
        throw broken('malformed_line', reader.line, 'it stands behind the end of the export');
      return;
    } else throw broken('malformed_line', reader.line, 'a second export begins here');
  }
  const { head } = walk.summary();
  throw broken('truncated', reader.line, 'the file stops without the line that ends an export', (head?.seq ?? 0) + 1);
}

function faultOf(thrown: unknown): ExportFault | NotJson {
  if (thrown instanceof ExportBroken) return thrown.fault;
  if (thrown instanceof UnreadableLine) return { reason: 'malformed_line', line: thrown.line, message: thrown.message };
  if (thrown instanceof NotJson) return thrown;
  throw thrown;
}

/** What only the lines behind a fault can tell: whether a line was cut or damaged, whether a row is gone or elsewhere. */
async function explained(fault: ExportFault | NotJson, reader: LineReader): Promise<ExportFault> {
  const { line } = reader;
  if (fault instanceof NotJson) {
    const last = (await rest(reader)) === undefined;
    return last
      ? { reason: 'truncated', line, message: 'the file stops in the middle of this line' }
      : { reason: 'malformed_line', line, message: 'it is not JSON' };
  }
  if (fault.reason !== 'missing') return fault;
  for (let text = await rest(reader); text !== undefined; text = await rest(reader)) {
    if (!isEventOf(text, fault.seq)) continue;
    return { ...fault, reason: 'reordered', message: `${fault.message}; it stands in line ${reader.line}` };
  }
  return fault;
}

/** The next line, or undefined where there is none that can be read. */
async function rest(reader: LineReader): Promise<string | undefined> {
  try {
    return await reader.next();
  } catch {
    return undefined;
  }
}

function isEventOf(text: string, seq: number | undefined): boolean {
  if (!text.includes(`"seq":${seq}`) && !text.includes(`"seq": ${seq}`)) return false;
  try {
    const line = parseExportLine(text, 0);
    return line.kind === 'event' && line.seq === seq;
  } catch {
    return false;
  }
}
