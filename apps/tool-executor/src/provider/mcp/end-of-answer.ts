type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Finds where a stream of events (streamable HTTP of MCP, text/event-stream of the HTML standard section 9.2) has answered what was asked:
 * a server may leave it open after that. To be asked of each piece in turn; linear in what comes.
 */
export function endOfAnswer(): (piece: Buffer, headers: Headers) => boolean {
  const decoder = new TextDecoder();
  let line = '';
  let endsInReturn = false;
  let data: string[] = [];
  const isAnswered = (ended: string): boolean => {
    if (ended.startsWith('data:')) data.push(ended.slice(5));
    if (ended !== '') return false;
    const event = data.join('\n');
    data = [];
    return isResponse(event);
  };
  return (piece, headers) => {
    if (headers['content-encoding'] !== undefined || !isEventStream(headers)) return false;
    const text = decoder.decode(piece, { stream: true });
    // The two halves of one line's end may come apart.
    const [first = '', ...others] = (endsInReturn && text.startsWith('\n') ? text.slice(1) : text).split(/\r\n|\r|\n/);
    if (text !== '') endsInReturn = text.endsWith('\r');
    line += first;
    for (const next of others) {
      if (isAnswered(line)) return true;
      line = next;
    }
    return false;
  };
}

export function isEventStream(headers: Headers): boolean {
  return /^text\/event-stream\s*(?:;|$)/i.test(String(headers['content-type']));
}

/** JSON-RPC 2.0 section 5: a response has one of these and no method. */
function isResponse(event: string): boolean {
  if (event === '') return false;
  try {
    const message: unknown = JSON.parse(event);
    return typeof message === 'object' && message !== null && ('result' in message || 'error' in message);
  } catch {
    return false;
  }
}
