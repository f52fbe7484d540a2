import type { Grants } from './grants.js';
import { LAB_CLIENT } from './lab-client.js';
import type { Quirks } from './quirks.js';
import { checkShape } from './check-request.js';
import { demand } from './refusal.js';

const KNOWN = ['response_type', 'client_id', 'redirect_uri', 'scope', 'state', 'nonce'];

export interface Redirect {
  redirectUri: string;
  parameters: Record<string, string>;
  code: string;
}

/** RFC 6749 section 4.1.1 as this server wants it. The person agrees to everything. */
export function authorize(rawQuery: string, quirks: Quirks, grants: Grants): Redirect {
  const { names, without = [], exactly, responseType = 'code', pkce = 'S256', emptyScope = false } = quirks.authorize ?? {};
  const raw = new URLSearchParams(rawQuery);
  demand(new Set(raw.keys()).size === raw.size, 'a parameter is repeated');
  const scopeName = names?.['scope'] ?? 'scope';
  if (emptyScope && raw.get(scopeName) === '') raw.delete(scopeName);
  else demand(!emptyScope || raw.has(scopeName), 'an empty scope must be there');
  const known = [
    ...KNOWN,
    ...(pkce === 'refused' ? [] : ['code_challenge', 'code_challenge_method']),
    ...(quirks.resource === undefined ? [] : ['resource']),
  ];
  const read = checkShape(raw, known, {
    ...(names === undefined ? {} : { names }),
    without,
    ...(exactly === undefined ? {} : { exactly }),
  });

  demand(
    without.includes('response_type') || read.get('response_type') === responseType,
    `response_type must be ${responseType}`,
  );
  demand(!responseType.includes('id_token') || read.has('nonce'), 'an id_token needs a nonce');
  demand(read.get('client_id') === LAB_CLIENT.clientId, 'the client is not known');
  demand(read.get('resource') === quirks.resource, `resource must be ${quirks.resource ?? 'left out'}`);
  const [redirectUri, state] = [read.get('redirect_uri'), read.get('state')];
  demand(redirectUri !== undefined && state !== undefined, 'redirect_uri or state is missing');
  demand(pkce === 'refused' || read.get('code_challenge_method') === pkce, `the challenge must be by ${pkce}`);

  const code = grants.authorize({
    redirectUri,
    scopes: readScopes(rawQuery, scopeName, quirks),
    challenge: read.get('code_challenge'),
  });
  return { redirectUri, code, parameters: { state } };
}

/** Split where this server splits: another separator makes one scope that nobody has heard of. */
function readScopes(
  rawQuery: string,
  name: string,
  { authorize: { scopeSeparator = ' ', rawScope = false } = {} }: Quirks,
): string[] {
  const raw = rawQuery.split('&').find((pair) => pair.startsWith(`${encodeURIComponent(name)}=`));
  if (raw === undefined) return [];
  const value = raw.slice(raw.indexOf('=') + 1);
  // A server that does not decode, so that what is percent-encoded is not what it knows.
  const text = rawScope ? value.replaceAll('%20', ' ') : decodeURIComponent(value.replaceAll('+', ' '));
  const scopes = text.split(scopeSeparator).filter((scope) => scope !== '');
  for (const scope of scopes) demand(/^notes(:|\/)(read|write)$/.test(scope), `the scope ${scope} is not known`);
  return scopes;
}
