import type { IncomingMessage } from 'node:http';
import { KeywardError } from '@keyward/contracts';
import { bearerToken } from '@keyward/service-host';

/** @throws KeywardError `unauthenticated` where there is none; `invalid_request` for more than one header */
export function requiredBearerToken(request: IncomingMessage): string {
  const token = bearerToken(request);
  if (token === undefined) throw unauthenticated();
  return token;
}

export function unauthenticated(): KeywardError {
  return new KeywardError('unauthenticated', 'Credentials are missing or not valid.');
}
