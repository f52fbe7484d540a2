import { framer, type Framer, type Protocol, type Rest } from './protocol.js';

const SSL_REQUEST = 80_877_103;
const CANCEL_REQUEST = 80_877_102;
/** Parse, Bind, Describe, Execute, Close: they are answered once a Sync or Flush follows. */
const WITHOUT_ANSWER = new Set([...'PBDEC'].map((type) => type.charCodeAt(0)));
const READY_FOR_QUERY = 'Z'.charCodeAt(0);

/** The frontend/backend protocol 3.0 of PostgreSQL, without TLS. A request is what ends with a Sync, or a simple query. */
export const postgresProtocol: Protocol = {
  requests: requestFramer,
  answers: () => framer(typedMessage),
  // Notifications come when they come; here they wait with the answer, as they may.
  relation: (_request, answer) => (answer[0] === READY_FOR_QUERY ? 'last' : 'part'),
};

function requestFramer(): Framer {
  let started = false;
  const messages = framer((rest) => {
    if (started) return typedMessage(rest);
    const first = startupMessage(rest);
    if (first !== undefined) started = !isBeforeStartup(first);
    return first;
  });
  let waiting: Buffer[] = [];
  return {
    push: (chunk) => {
      const requests: Buffer[] = [];
      for (const message of messages.push(chunk)) {
        waiting.push(message);
        if (started && WITHOUT_ANSWER.has(message[0] ?? 0)) continue;
        requests.push(Buffer.concat(waiting));
        waiting = [];
      }
      return requests;
    },
  };
}

/** Length, then content: the first message of a session has no type. */
function startupMessage(rest: Rest): Buffer | undefined {
  return rest.bytes.length < 8 ? undefined : rest.take(rest.bytes.readInt32BE(0));
}

function isBeforeStartup(message: Buffer): boolean {
  const code = message.readInt32BE(4);
  return code === SSL_REQUEST || code === CANCEL_REQUEST;
}

/** Type, length without the type, content. */
function typedMessage(rest: Rest): Buffer | undefined {
  return rest.bytes.length < 5 ? undefined : rest.take(1 + rest.bytes.readInt32BE(1));
}
