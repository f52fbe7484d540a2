import { ImportError } from '../import-error.js';

const TIMEOUT_MS = 60_000;
const MAX_REDIRECTS = 5;

/** Whether an address may be read: https, or this very machine. */
export function isReachable(url: URL): boolean {
  const isLoopback = /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback);
}

export interface Fetched {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  /** After redirects. */
  readonly url: string;
}

interface Request {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/**
 * One answer, of `most` bytes at most. Redirects are followed by GET only, to https only, and never with a credential to another origin.
 * @throws ImportError
 */
export async function boundedFetch(address: string, most: number, request: Request = {}): Promise<Fetched> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  let url = new URL(address);
  for (let followed = 0; followed <= MAX_REDIRECTS; followed++) {
    if (!isReachable(url))
      throw new ImportError(`${url.origin} is not read: only https is.`, 'Load it yourself, and import the file.');
    const response = await send(url, { ...request, signal, redirect: 'manual' });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null || !URL.canParse(location, url.href))
      return { status: response.status, headers: response.headers, bytes: await bytesOf(response, most), url: url.href };
    await response.body?.cancel();
    const next = new URL(location, url.href);
    if ((request.method ?? 'GET') !== 'GET' || (next.origin !== url.origin && hasCredential(request)))
      throw new ImportError(`${url.origin} sends us on to ${next.origin}.`, 'Name that address, if it is the right one.');
    // Nothing outside of this machine says what is read inside of it.
    if (url.protocol === 'https:' && next.protocol !== 'https:')
      throw new ImportError(`${url.origin} sends us on to ${next.origin}.`, 'Load it yourself, and import the file.');
    url = next;
  }
  throw new ImportError(`${address} sends us on again and again.`, 'Load it yourself, and import the file.');
}

function hasCredential({ headers = {} }: Request): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
}

async function send(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url.href, init);
  } catch (cause) {
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new ImportError(
      `${url.origin} does not answer (${why}).`,
      'See that the address is right, and that this machine can reach it.',
      { cause },
    );
  }
}

async function bytesOf(response: Response, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > most)
      throw new ImportError(`What ${response.url} answers is larger than ${most} bytes.`, 'Import a smaller description.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
