import type { Note } from '../draft.js';
import { isNode, own, ownNode, ownText, type Node } from '../node.js';
import { plain } from '../text.js';
import type { OpenApiDocument } from './document.js';
import type { Operation } from './operations.js';

export interface ChosenAuth {
  /** Members of connector.yaml. */
  readonly manifest: Record<string, unknown>;
  /** Place of the credential in a query or header. */
  readonly credential: { readonly in: string; readonly name: string };
  /** Name of the scheme; undefined where the description has none that can be used. */
  readonly scheme: string | undefined;
  readonly hasScopes: boolean;
  readonly notes: readonly Note[];
}

type Made = Pick<ChosenAuth, 'manifest' | 'credential' | 'hasScopes'> & { rank: number; guessed: string };

const BEARER = { in: 'header', name: 'authorization' };

/** How a connection authenticates: of the schemes that operations ask for, the one that serves people's accounts best. */
export function chooseAuth(document: OpenApiDocument, operations: readonly Operation[], base: string): ChosenAuth {
  const schemes = Object.entries(ownNode(ownNode(document.root, 'components'), 'securitySchemes')).map(
    ([name, scheme]) => [name, document.node(scheme) ?? {}] as const,
  );
  const used = usedSchemes(operations);
  const possible = schemes
    .map(([name, scheme]) => ({ name, made: makeAuth(scheme, base), uses: used.get(name) ?? 0 }))
    .filter((each): each is typeof each & { made: Made } => each.made !== undefined)
    .sort((a, b) => Number(b.uses > 0) - Number(a.uses > 0) || b.made.rank - a.made.rank || b.uses - a.uses);
  const [chosen, ...others] = possible;
  if (chosen === undefined) return guessed(schemes.map(([name]) => name));
  const { manifest, credential, hasScopes, guessed: what } = chosen.made;
  const notes: Note[] = [{ kind: 'auth', at: '/auth', detail: `from the security scheme "${shown(chosen.name)}": ${what}` }];
  if (others.length > 0)
    notes.push({
      kind: 'auth',
      at: '/auth',
      detail: `other schemes could be used as well: ${others.map(({ name }) => shown(name)).join(', ')}`,
    });
  const beside = besides(operations, chosen.name);
  if (beside.length > 0)
    notes.push({
      kind: 'auth',
      at: '/auth',
      detail: `operations also ask, beside it, for ${beside.map(shown).join(', ')}: where a request needs both, add it under headers or query`,
    });
  return { manifest, credential, scheme: chosen.name, hasScopes, notes };
}

function guessed(names: readonly string[]): ChosenAuth {
  const why =
    names.length === 0
      ? 'the description says nothing of how to authenticate'
      : `none of its schemes can be used (${names.map(shown).join(', ')})`;
  return {
    manifest: { auth: { kind: 'api_key' } },
    credential: BEARER,
    scheme: undefined,
    hasScopes: false,
    notes: [{ kind: 'auth', at: '/auth', detail: `a guess, for ${why}: an API key as Bearer token. Say what it really is` }],
  };
}

function usedSchemes(operations: readonly Operation[]): Map<string, number> {
  const used = new Map<string, number>();
  for (const { security = [] } of operations)
    for (const requirement of security.filter(isNode))
      for (const name of Object.keys(requirement)) used.set(name, (used.get(name) ?? 0) + 1);
  return used;
}

/** Schemes that are asked for together with the chosen one. */
function besides(operations: readonly Operation[], chosen: string): string[] {
  const together = operations.flatMap(({ security = [] }) => security.filter(isNode).filter((one) => Object.hasOwn(one, chosen)));
  return [...new Set(together.flatMap((one) => Object.keys(one)))].filter((name) => name !== chosen);
}

function makeAuth(scheme: Node, base: string): Made | undefined {
  switch (scheme['type']) {
    case 'oauth2':
      return makeOAuth2(ownNode(scheme, 'flows'), base);
    case 'http':
      return makeHttp(String(scheme['scheme']).toLowerCase());
    case 'apiKey':
      return makeApiKey(scheme['in'], ownText(scheme, 'name') ?? '');
    default:
      return undefined;
  }
}

function makeOAuth2(flows: Node, base: string): Made | undefined {
  const [code, client] = [ownNode(flows, 'authorizationCode'), ownNode(flows, 'clientCredentials')];
  const authorization = endpoint(code['authorizationUrl'], base);
  const token = endpoint(code['tokenUrl'], base);
  if (authorization !== undefined && token !== undefined) {
    const refresh = endpoint(code['refreshUrl'], base);
    const auth = {
      kind: 'oauth2_authorization_code',
      authorization_endpoint: authorization,
      token_endpoint: token,
      ...scopesOf(code),
    };
    const manifest = { auth, ...(refresh === undefined || refresh === token ? {} : { refresh: { endpoint: refresh } }) };
    const guessedParts =
      'PKCE with S256 and client_secret_basic are assumed, and no scope is asked for by default. The client secret is sent to these addresses';
    return { manifest, credential: BEARER, rank: 5, hasScopes: true, guessed: guessedParts };
  }
  const ownToken = endpoint(client['tokenUrl'], base);
  if (ownToken === undefined) return undefined;
  const auth = { kind: 'oauth2_client_credentials', token_endpoint: ownToken, ...scopesOf(client) };
  return {
    manifest: { auth },
    credential: BEARER,
    rank: 1,
    hasScopes: true,
    guessed: 'client credentials, with client_secret_basic',
  };
}

/** RFC 6749 section 3.3 */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

function scopesOf(flow: Node): Record<string, unknown> {
  const described = Object.entries(ownNode(flow, 'scopes'))
    .filter(([scope]) => SCOPE.test(scope) && scope !== '__proto__')
    .map(([scope, text]) => [scope, withoutReferences(plain(text, 200) ?? scope.slice(0, 200))]);
  return described.length === 0 ? {} : { scopes: { descriptions: Object.fromEntries(described) } };
}

/** In connector.yaml `${…}` would be filled. */
export function withoutReferences(text: string): string {
  return text.replaceAll('${', '$(');
}

function endpoint(written: unknown, base: string): string | undefined {
  if (typeof written !== 'string' || written === '') return undefined;
  const around = base.includes('${') ? undefined : `${base}/`;
  if (!URL.canParse(written, around)) return undefined;
  const url = new URL(written, around);
  const isLoopback = /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname);
  const isAllowed = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback);
  const isClean = url.username === '' && url.password === '' && url.hash === '' && !/[${}\s]/.test(url.href);
  return isAllowed && isClean ? url.href : undefined;
}

function makeHttp(scheme: string): Made | undefined {
  if (scheme === 'basic')
    return {
      manifest: { auth: { kind: 'basic' }, credential: { in: 'basic' } },
      credential: BEARER,
      rank: 2,
      hasScopes: false,
      guessed: 'user name and password',
    };
  if (scheme !== 'bearer') return undefined;
  return {
    manifest: { auth: { kind: 'api_key', label: 'Access token' } },
    credential: BEARER,
    rank: 4,
    hasScopes: false,
    guessed: 'a token that people have, as Bearer token',
  };
}

function makeApiKey(place: unknown, name: string): Made | undefined {
  const isHeader = place === 'header' && /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(name);
  const isQuery = place === 'query' && /^[A-Za-z0-9_.-]{1,64}$/.test(name);
  if (!isHeader && !isQuery) return undefined;
  const credential = isHeader ? { in: 'header', name: name.toLowerCase(), prefix: '' } : { in: 'query', name };
  return {
    manifest: { auth: { kind: 'api_key' }, credential },
    credential,
    rank: 3,
    hasScopes: false,
    guessed: `the key stands in the ${isHeader ? 'header' : 'query'} as ${name}, with nothing before it`,
  };
}

/** Sets of scopes of which any one suffices; none where the operation can be called without. */
export function scopesNeeded({ security }: Operation, { scheme, hasScopes }: ChosenAuth): string[][] {
  if (!hasScopes || scheme === undefined || security === undefined) return [];
  const requirements = security.filter(isNode).filter((one) => Object.hasOwn(one, scheme));
  const sets = requirements.map((one) => {
    const scopes = own(one, scheme);
    return (Array.isArray(scopes) ? scopes : [])
      .filter((scope): scope is string => typeof scope === 'string' && SCOPE.test(scope))
      .slice(0, 20);
  });
  return sets.some((set) => set.length === 0) ? [] : sets.slice(0, 10);
}

function shown(name: string): string {
  return name
    .slice(0, 60)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
