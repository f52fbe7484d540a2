import type { IncomingMessage } from 'node:http';
import { KeywardError } from '@keyward/contracts';

/**
 * RFC 6750 section 2.1; the scheme is case-insensitive (RFC 9110 section 11.1). An identity token of a workload has a few thousand
 * characters; Node takes 16 KiB of header fields together.
 */
const BEARER = /^bearer +([\x21-\x7e]{1,8192})$/i;

/**
 * The bearer token of a request; undefined where it has none.
 * Node keeps the first of several `Authorization` fields and drops the rest, and something in front of us may keep the last: who
 * is asking must not depend on who reads the header, so more than one is refused (RFC 6750 section 3.1).
 */
export function bearerToken(request: IncomingMessage): string | undefined {
  const value = request.headers.authorization;
  if (value === undefined) return undefined;
  let fields = 0;
  const raw = request.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === 'authorization'.length && name.toLowerCase() === 'authorization') fields++;
  }
  if (fields > 1) throw new KeywardError('invalid_request', 'The request has more than one Authorization header.');
  return BEARER.exec(value)?.[1];
}
