import { EgressError, type EgressRequest, type EgressResponse } from '@keyward/egress';
import { endOfAnswer, isEventStream } from './end-of-answer.js';

/** One request on its way to an MCP server, the credential and all bounds added by whoever sends it. */
export type McpRequest = Pick<EgressRequest, 'method' | 'url' | 'headers' | 'body' | 'isLast'>;

/** A `Response` with one of these must have no body (Fetch standard, "null body status"). */
const NULL_BODY = new Set([204, 205, 304]);
/** RFC 9110 section 15: there is no status beyond, and no `Response` takes one. */
const MAX_STATUS = 599;
const METHOD_NOT_ALLOWED = 405;

/** The `fetch` of an MCP client, over egress: remembers how its requests ended, which the client's own errors no longer tell. */
export class McpExchange {
  /** The last answer. */
  response: EgressResponse | undefined;
  /** Why the last request got none. */
  failure: EgressError | undefined;

  /** @param address the only one that may be called */
  constructor(
    private readonly address: string,
    private readonly send: (request: McpRequest) => Promise<EgressResponse>,
  ) {}

  readonly fetch = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const { method = 'GET', body } = init;
    // What a server has to say unasked is for nobody here.
    if (method === 'GET') return new Response(null, { status: METHOD_NOT_ALLOWED });
    if (String(url) !== this.address) throw new TypeError('an MCP client asked for another address than its server’s');
    [this.response, this.failure] = [undefined, undefined];
    try {
      const headers = Object.fromEntries(new Headers(init.headers));
      const request = { method, url: this.address, headers, isLast: endOfAnswer() };
      this.response = checked(await this.send(typeof body === 'string' ? { ...request, body } : request));
    } catch (error) {
      if (error instanceof EgressError) this.failure = error;
      throw error;
    }
    const { status, headers, body: bytes } = this.response;
    return new Response(NULL_BODY.has(status) ? null : new Uint8Array(bytes), { status, headers });
  };
}

function checked(response: EgressResponse): EgressResponse {
  const { status, headers, body } = response;
  if (isEventStream(headers) && !endOfAnswer()(body, headers))
    throw new EgressError('provider_unavailable', 'The MCP server’s stream of events ended without an answer.', true);
  if (status <= MAX_STATUS) return response;
  throw new EgressError('provider_unavailable', `The provider’s answer has status ${response.status}, which there is not.`, true);
}
