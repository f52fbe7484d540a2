import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { EgressError } from '../egress-error.js';
import { errorCode } from './classify-failure.js';
import type { RawResponse } from './exchange.js';

/** What we tell providers that we can read. */
export const ACCEPT_ENCODING = 'gzip, deflate, br';

const DECODERS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/**
 * Undoes the content coding (RFC 9110 section 8.4). Output is bounded while it is produced, so a small body that unpacks to
 * gigabytes costs no more than the bound; a second coding on top is refused.
 */
export async function decodeBody({ headers, body }: RawResponse, maxBytes: number): Promise<Buffer> {
  const coding = headers['content-encoding'];
  if (coding === undefined || coding === '' || coding === 'identity' || body.length === 0) return body;
  const name = String(coding).toLowerCase();
  if (!Object.hasOwn(DECODERS, name)) throw unreadable(undefined);
  try {
    return await DECODERS[name as keyof typeof DECODERS](body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (errorCode(cause) === 'ERR_BUFFER_TOO_LARGE') {
      throw new EgressError('response_too_large', `The provider’s answer unpacks to more than ${maxBytes} bytes.`, true, {
        cause,
      });
    }
    throw unreadable(cause);
  }
}

function unreadable(cause: unknown): EgressError {
  return new EgressError('provider_unavailable', 'The provider’s answer has a content coding that can’t be read.', true, {
    cause,
  });
}
