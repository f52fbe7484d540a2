import { KeywardError } from '@keyward/contracts';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import { FILLED_BEFOREHAND } from '../manifest/template.js';
import type { Fail } from '../tool/compile-tool.js';
import { checkHeaderName, isFieldValue } from './header-fields.js';

/** Headers and query that a manifest adds to every request: they must be what HTTP can carry, and leave the credential's place alone. */
export function checkFixedParts(provider: ProviderManifest, fail: Fail): void {
  for (const [name, value] of Object.entries(provider.headers)) {
    checkHeaderName(name, provider, (path, detail) => fail(['headers', name, ...path], detail));
    if (!isFieldValue(value)) fail(['headers', name], 'must be printable ASCII on one line');
  }
  for (const name of Object.keys(provider.query)) {
    checkQueryName(name, provider, (path, detail) => fail(['query', name, ...path], detail));
  }
  for (const [place, values] of Object.entries({ headers: provider.headers, query: provider.query })) {
    const secret = Object.entries(values).find(([, value]) => value.replaceAll(FILLED_BEFOREHAND, '').includes('${'));
    if (secret !== undefined)
      fail([place, secret[0]], 'only connection parameters, app parameters and ${client.id} may stand here');
  }
}

export function checkQueryName(name: string, { credential, query }: ProviderManifest, fail: Fail, ofTool = false): void {
  if (credential.in === 'query' && name === credential.name) fail([], 'the credential stands in this parameter');
  if (ofTool && Object.hasOwn(query, name)) fail([], 'the connector itself sets this parameter');
}

/** What of a provider stands in every request. @throws KeywardError where it is not complete: a reference that is left would lead nowhere */
export function fixedParts(
  provider: ProviderManifest,
  base: string | undefined,
): { base: string } & Pick<ProviderManifest, 'headers' | 'query'> {
  const { headers, query } = provider;
  const address = base === undefined ? provider.base_url : (provider.bases[base] as string);
  if (isIncomplete(address) || Object.values(headers).some(isIncomplete) || Object.values(query).some(isIncomplete)) {
    throw new KeywardError('invalid_request', 'The connection lacks a parameter that the address of this provider needs.');
  }
  return { base: address, headers, query };
}

function isIncomplete(text: string): boolean {
  return text.includes('${');
}

/** Where the credential is a member of the body, the tool may not say what it is, be it by what a caller sends. */
export function checkCredentialMember(member: string, body: unknown, names: ReadonlySet<string>, fail: Fail): void {
  const literal = typeof body === 'object' && body !== null && Object.hasOwn(body, member);
  if (literal) fail([member], 'the credential stands in this member');
  if (body === '$' && names.has(member)) fail([], `the credential stands in the member "${member}", which is an argument here`);
}

export function assertMemberAbsent(body: unknown, member: string): void {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, member)) return;
  throw new KeywardError('invalid_arguments', `The arguments may not set "${member}": the credential stands there.`);
}
