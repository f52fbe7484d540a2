import { jwtVerify } from 'jose';
import { LAB_CLIENT } from './lab-client.js';
import type { ClientAuthenticationQuirk } from './quirks.js';
import type { Received } from './read-parameters.js';
import { demand } from './refusal.js';

const CREDENTIALS = ['client_secret', 'client_assertion', 'client_assertion_type'];

/** RFC 6749 section 2.3: exactly the one way that the server takes; RFC 6749 forbids several at once. */
export async function checkClient(
  received: Received,
  parameters: ReadonlyMap<string, string>,
  authentication: ClientAuthenticationQuirk,
): Promise<void> {
  const { clientId, clientSecret } = LAB_CLIENT;
  const isBasic = authentication === 'basic';
  demand(isBasic || received.headers.authorization?.startsWith('Basic') !== true, 'Basic is not taken here', 'invalid_client');
  demand(isBasic || parameters.get('client_id') === clientId, 'the client id is wrong', 'invalid_client');
  const allowed = authentication === 'post' ? ['client_secret'] : typeof authentication === 'object' ? CREDENTIALS.slice(1) : [];
  for (const name of CREDENTIALS) {
    demand(
      parameters.has(name) === allowed.includes(name),
      `${name} is ${allowed.includes(name) ? 'missing' : 'not taken'}`,
      'invalid_client',
    );
  }
  if (isBasic) checkBasic(received);
  if (authentication === 'post')
    demand(parameters.get('client_secret') === clientSecret, 'the secret is wrong', 'invalid_client');
  if (typeof authentication === 'object') await checkAssertion(parameters, authentication);
}

/** RFC 6749 section 2.3.1: both halves are form-encoded before they are joined. */
export function checkBasic({ headers }: Received): void {
  const encoded = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
  const [id = '', secret = ''] = Buffer.from(encoded, 'base64').toString().split(':').map(decodeForm);
  demand(id === LAB_CLIENT.clientId && secret === LAB_CLIENT.clientSecret, 'Basic does not hold our client', 'invalid_client');
}

function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

type AssertionQuirk = Extract<ClientAuthenticationQuirk, object>;

const seen = new Set<string>();

/** RFC 7523 section 3; the audience must be this server and no other beside it. */
async function checkAssertion(parameters: ReadonlyMap<string, string>, quirk: AssertionQuirk): Promise<void> {
  const { key, algorithm, audience, claims = {} } = quirk;
  demand(
    parameters.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    'no JWT',
    'invalid_client',
  );
  const expected = { iss: LAB_CLIENT.clientId, sub: LAB_CLIENT.clientId, aud: audience, ...claims };
  const verified = await jwtVerify(parameters.get('client_assertion') ?? '', key, {
    algorithms: [algorithm],
    requiredClaims: ['exp', 'iat', 'jti'],
  }).catch(() => undefined);
  demand(verified !== undefined, 'the assertion does not verify', 'invalid_client');
  for (const [name, value] of Object.entries(expected)) {
    demand(verified.payload[name] === value, `the claim ${name} must be ${value}`, 'invalid_client');
  }
  const jti = String(verified.payload.jti);
  demand(!seen.has(jti), 'the assertion was used before', 'invalid_client');
  seen.add(jti);
}
