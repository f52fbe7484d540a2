import type { IncomingMessage } from 'node:http';
import { KeywardError } from '@keyward/contracts';

/** RFC 6750 section 2.1; the scheme is case-insensitive (RFC 9110 section 11.1). */
const BEARER = /^bearer +([\x21-\x7e]{1,512})$/i;

/** @throws KeywardError `unauthenticated`; `invalid_request` for more than one header, as who asks must not depend on which is read */
export function bearerToken(request: IncomingMessage): string {
  if ((request.headersDistinct['authorization']?.length ?? 0) > 1) {
    throw new KeywardError('invalid_request', 'The request has more than one Authorization header.');
  }
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw unauthenticated();
  return token;
}

export function unauthenticated(): KeywardError {
  return new KeywardError('unauthenticated', 'Credentials are missing or not valid.');
}
