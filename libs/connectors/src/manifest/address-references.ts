import { FILLED_BEFOREHAND } from './template.js';

interface Declared {
  type: string;
  one_of?: unknown;
  host_suffixes?: unknown;
  source?: unknown;
}

type Declarations = Readonly<Record<string, Declared>>;

/**
 * What a parameter may choose of an address: a host only as a whole (`hostname`, `origin`), a label only in front of two that the
 * manifest writes out, so that nobody but the provider's owner can own the result. Where the values are listed, they may stand anywhere.
 *
 * @param isUrl whether the place is one of the manifest's addresses
 * @returns what is wrong with the text, undefined where nothing is
 */
export function addressProblem(text: string, isUrl: boolean, connection: Declarations, app: Declarations): string | undefined {
  const declarationOf = (name: string) => {
    const [group, parameter = ''] = name.split('.');
    const group_ = group === 'app' ? app : connection;
    return Object.hasOwn(group_, parameter) ? group_[parameter] : undefined;
  };
  const leading = isUrl ? /^\$\{([^}]*)\}/.exec(text)?.[1] : undefined;
  if (leading !== undefined && declarationOf(leading)?.type !== 'origin') {
    return `\${${leading}} begins an address, so that it must be of the type origin`;
  }
  const authority = /^https?:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  for (const { 0: reference, 1: name = '', index } of authority.matchAll(FILLED_BEFOREHAND)) {
    const declared = declarationOf(name);
    if (declared?.one_of !== undefined) continue;
    const behind = authority.slice(index + reference.length);
    if (declared?.type === 'hostname' && index === 0 && /^(:\d+)?$/.test(behind)) continue;
    if (declared?.type === 'label' && /\.[a-z0-9-]+\.[a-z0-9.-]+(:\d+)?$/i.test(behind.replaceAll(FILLED_BEFOREHAND, '')))
      continue;
    return `${reference} stands in the host: it must be a label before two that are written out, a hostname that is all of it, or have one_of`;
  }
  return undefined;
}

/**
 * The secret of a registration is the organization's; whoever has a link to connect must not be able to name the host that it is sent
 * to. What the provider itself states is the provider's to say.
 * @param origin late references as they are written
 * @returns the first reference that leaves the host open, undefined where none does
 */
export function openReference(origin: string, connection: Declarations): string | undefined {
  for (const [reference, name = ''] of origin.matchAll(FILLED_BEFOREHAND)) {
    const [group, parameter = ''] = name.split('.');
    const declared = group === 'connection' && Object.hasOwn(connection, parameter) ? connection[parameter] : undefined;
    const { type, one_of: choices, host_suffixes: suffixes, source } = declared ?? {};
    const isStated = typeof source === 'object' && source !== null && 'token_response' in source;
    if ((type === 'hostname' || type === 'origin') && !isStated && choices === undefined && suffixes === undefined)
      return reference;
  }
  return undefined;
}
