import { framer, type Protocol, type Rest } from './protocol.js';

const LINE_END = Buffer.from('\r\n');
const WITH_PAYLOAD = new Set(['PUB', 'HPUB', 'MSG', 'HMSG']);

/**
 * The client protocol of NATS, without TLS. What answers a publication is the message to its reply subject: from a stream the
 * acknowledgement, sent once the message is stored.
 */
export const natsProtocol: Protocol = {
  requests: () => framer(operation),
  answers: () => framer(operation),
  relation: (request, answer) => {
    const reply = replySubject(words(request));
    const [verb, subject] = words(answer);
    return reply !== undefined && (verb === 'MSG' || verb === 'HMSG') && subject === reply ? 'last' : 'unrelated';
  },
};

function operation(rest: Rest): Buffer | undefined {
  const lineEnd = rest.bytes.indexOf(LINE_END);
  if (lineEnd === -1) return undefined;
  const length = lineEnd + LINE_END.length;
  const [verb = '', ...others] = words(rest.bytes);
  return rest.take(WITH_PAYLOAD.has(verb) ? length + Number(others.at(-1)) + LINE_END.length : length);
}

/** Of the first line. */
function words(frame: Buffer): string[] {
  const [verb = '', ...others] = frame.subarray(0, frame.indexOf(LINE_END)).toString('latin1').split(/\s+/);
  return [verb.toUpperCase(), ...others];
}

/** `PUB <subject> [reply] <bytes>`, `HPUB <subject> [reply] <header bytes> <bytes>`. */
function replySubject([verb, ...others]: string[]): string | undefined {
  const sizes = verb === 'PUB' ? 1 : verb === 'HPUB' ? 2 : undefined;
  return sizes !== undefined && others.length === sizes + 2 ? others[1] : undefined;
}
