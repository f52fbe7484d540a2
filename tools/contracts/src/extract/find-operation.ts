import { covers, literalLength } from '@keyward/vendor-emulation';
import type { SourceFile } from '../sources/vendor-source.js';
import type { DeclaredRequest } from './declared-requests.js';
import type { Description, Listed } from './description.js';

export interface ReadSource {
  readonly source: SourceFile;
  readonly description: Description;
}

export interface Found {
  readonly listed: Listed;
  readonly from: ReadSource;
  /** The address that the service takes though the description writes another one. */
  readonly asked: string | undefined;
}

/** The operation of the descriptions that a request is; of several that it fits, the most literal one of the first file that has one. */
export function findOperation(request: DeclaredRequest, sources: readonly ReadSource[]): Found | undefined {
  if (request.address === undefined) return undefined;
  for (const from of sources) {
    for (const [address, asked] of readings(request.address, from.source)) {
      const fitting = from.description.operations
        .filter(
          (listed) => listed.method === request.method && covers(listed.address, address) && listed.fits?.(address) !== false,
        )
        .sort((a, b) => literalLength(b.address) - literalLength(a.address));
      if (fitting[0] !== undefined) return { listed: fitting[0], from, asked };
    }
  }
  return undefined;
}

/** The address itself, then what the description may write for it. */
function readings(address: string, { server = '', read_as }: SourceFile): [string, string | undefined][] {
  const found: [string, string | undefined][] = [[address, undefined]];
  if (!address.startsWith(server)) return found;
  const path = address.slice(server.length);
  for (const [pattern, replacement] of Object.entries(read_as)) {
    const read = path.replace(new RegExp(pattern), replacement);
    if (read !== path) found.push([server + read, path]);
  }
  return found;
}
