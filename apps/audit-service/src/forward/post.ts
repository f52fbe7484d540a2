import { KeywardError } from '@keyward/contracts';
import { request, type Agent, type Dispatcher } from 'undici';

/** What receivers say beyond a status is read up to here. */
const MAX_ANSWER_BYTES = 65_536;
const MAX_RETRY_AFTER_MS = 3_600_000;

export interface PostRequest {
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
  timeoutMs: number;
  /** Cuts it short. */
  signal: AbortSignal;
}

export interface PostAnswer {
  status: number;
  /** Media type without parameters, lower case; empty where there is none. */
  contentType: string;
  body: Buffer;
  /** What the receiver asks for. */
  retryAfterMs: number;
}

/**
 * One request, its answer included. Redirects are not followed: the trail goes where the operator said, or nowhere.
 * @throws KeywardError `dependency_unavailable` where there was no whole answer in time; names neither the address nor what was sent
 */
export async function post(agent: Agent, { url, headers, body, timeoutMs, signal }: PostRequest): Promise<PostAnswer> {
  const ends = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const answer = await request(url, { method: 'POST', headers, body, dispatcher: agent, signal: ends });
    const [contentType = ''] = String(answer.headers['content-type'] ?? '')
      .toLowerCase()
      .split(';');
    return {
      status: answer.statusCode,
      contentType: contentType.trim(),
      body: await readBounded(answer),
      retryAfterMs: retryAfterMs(answer.headers),
    };
  } catch (thrown) {
    throw new KeywardError('dependency_unavailable', `There was no whole answer (${reasonOf(thrown)}).`, { cause: thrown });
  }
}

/** What is longer is no answer to read; that it came with a status is enough. */
async function readBounded({ body }: Dispatcher.ResponseData): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** RFC 9110 section 10.2.3: seconds, or a moment by the receiver's own clock. 0 where it asks for nothing. */
function retryAfterMs(headers: Dispatcher.ResponseData['headers']): number {
  const value = String(headers['retry-after'] ?? '').trim();
  const clock = Date.parse(String(headers['date'] ?? ''));
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - (Number.isNaN(clock) ? Date.now() : clock);
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

function reasonOf(thrown: unknown): string {
  const { code, name } = thrown as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}
