import { framer, type Protocol, type Rest } from './protocol.js';

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** HTTP/1.1 with bodies that say how long they are, one request at a time on a connection: what our clients and test servers speak. */
export const httpProtocol: Protocol = {
  requests: () => framer(message),
  answers: () => framer(message),
  relation: () => 'last',
};

function message(rest: Rest): Buffer | undefined {
  const headEnd = rest.bytes.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const bodyAt = headEnd + HEAD_END.length;
  const head = rest.bytes.subarray(0, headEnd).toString('latin1');
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length !== undefined) return rest.take(bodyAt + Number(length));
  if (!/^transfer-encoding: *chunked/im.test(head)) return rest.take(bodyAt);
  // Small bodies of ours hold no such line themselves.
  const last = rest.bytes.indexOf(LAST_CHUNK, bodyAt);
  return last === -1 ? undefined : rest.take(last + LAST_CHUNK.length);
}
