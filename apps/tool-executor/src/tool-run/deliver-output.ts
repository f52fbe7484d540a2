import type { Call } from '../execute/call.js';
import type { ExecutorParts } from '../execute/parts.js';
import { contentTypeOf, tooLarge, type Received } from '../provider/output.js';

/** How many characters of JSON one byte of a body can become at worst: a control character, as `\u0000`. */
const WORST_GROWTH = 6;
/** A file that is no larger is part of the result; a larger one is fetched by whoever wants it. */
const INLINE_FILE_BYTES = 32_768;

type Parts = Pick<ExecutorParts, 'artifacts' | 'maxOutputBytes'>;

/**
 * What the tool made of the answer, as the output of a result: itself, a file as `{contentType, base64}`, or where it is kept if the bus
 * does not carry it.
 *
 * @throws KeywardError `response_too_large` where nothing is kept; `dependency_unavailable`
 */
export async function deliverOutput(parts: Parts, call: Call, output: unknown, { answer, bytes }: Received): Promise<unknown> {
  const { maxOutputBytes } = parts;
  if (Buffer.isBuffer(output)) return deliverFile(parts, call, output, contentTypeOf(answer));
  // Measuring means writing it once more, so it is done only where it could matter.
  if (output === answer.body && bytes * WORST_GROWTH <= maxOutputBytes) return output;
  const json = JSON.stringify(output) ?? 'null';
  return Buffer.byteLength(json) <= maxOutputBytes ? output : keep(parts, call, Buffer.from(json), 'application/json');
}

async function deliverFile(parts: Parts, call: Call, file: Buffer, contentType: string): Promise<unknown> {
  const { artifacts, maxOutputBytes } = parts;
  const inline = { contentType, base64: file.toString('base64') };
  const room = artifacts === null ? maxOutputBytes : INLINE_FILE_BYTES;
  return Buffer.byteLength(JSON.stringify(inline)) <= room ? inline : keep(parts, call, file, contentType);
}

function keep({ artifacts, maxOutputBytes }: Parts, { request }: Call, body: Buffer, contentType: string): Promise<unknown> {
  if (artifacts === null) throw tooLarge(maxOutputBytes);
  return artifacts.keep(request, body, contentType);
}
