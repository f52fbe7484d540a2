import { createPublicKey } from 'node:crypto';
import { jwtVerify } from 'jose';
import { checkBasic } from './check-client.js';
import { checkHeaders, checkShape } from './check-request.js';
import type { RevocationQuirks } from './quirks.js';
import { readParameters, type Received } from './read-parameters.js';
import { demand } from './refusal.js';
import type { Answer, TokenQuestion } from './token-endpoint.js';
import { LAB_CLIENT } from './lab-client.js';

/** RFC 7009 section 2.1. */
export const STANDARD_REVOCATION: RevocationQuirks = { path: '/revoke', token: { parameter: 'token' }, authentication: 'basic' };

export async function revoke({ received, quirks, grants }: TokenQuestion): Promise<Answer> {
  const shape = quirks.revocation ?? STANDARD_REVOCATION;
  const { authentication = 'none', takes = 'access_token', ...request } = shape;
  const parameters = readParameters(received, { ...request, authentication: 'none' });
  checkHeaders(received, parameters, { ...request, authentication: 'none' });
  const carried = typeof shape.token === 'object' ? [shape.token.parameter] : [];
  const read = checkShape(parameters, [...carried, ...(quirks.revocation === undefined ? ['token_type_hint'] : [])], {
    ...request,
    authentication: 'none',
  });
  if (authentication === 'basic') checkBasic(received);
  if (typeof authentication === 'object') await checkAppAssertion(received, authentication.assertion);
  const token = tokenOf(shape, received, read);
  demand(token !== undefined && token !== '', 'the token is missing');
  const isRefresh = grants.canRefresh(token);
  demand(quirks.revocation === undefined || isRefresh === (takes === 'refresh_token'), `it takes the ${takes}`);
  grants.revoke(token);
  return { status: shape.status ?? 200, body: {} };
}

function tokenOf(shape: RevocationQuirks, received: Received, read: ReadonlyMap<string, string>): string | undefined {
  if (shape.token === 'path') return decodeURIComponent(received.path.slice(shape.path.length + 1));
  if (shape.token === 'bearer') return /^Bearer (.+)$/.exec(received.headers.authorization ?? '')?.[1];
  return read.get(shape.token.parameter);
}

async function checkAppAssertion({ headers }: Received, key: Parameters<typeof createPublicKey>[0] & object): Promise<void> {
  const jwt = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
  const verified = await jwtVerify(jwt, createPublicKey(key), { issuer: LAB_CLIENT.clientId }).catch(() => undefined);
  demand(verified !== undefined, 'the assertion of the app does not verify', 'invalid_client');
}
