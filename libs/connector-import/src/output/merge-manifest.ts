import { parseDocument } from 'yaml';
import { ImportError } from '../import-error.js';
import { isNode, type Node } from '../node.js';
import { differences, partsOf, type Parts } from './record.js';
import { yamlOf } from './render.js';

export interface MergedManifest {
  readonly text: string;
  /** Members that follow the source. */
  readonly changed: readonly string[];
  /** Members that were edited by hand, and that the source has changed since. */
  readonly conflicts: readonly string[];
}

/** Member by member, as with tools: what people changed stays, and so does every comment. */
export function mergeManifest(
  manifest: Node,
  current: string | undefined,
  before: Parts | undefined,
  head: string,
): MergedManifest {
  if (current === undefined) return { text: `${head}${yamlOf(manifest)}`, changed: [], conflicts: [] };
  const document = parseDocument(current, { version: '1.2', schema: 'core', stringKeys: true });
  const there: unknown = document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
  if (!isNode(there)) throw new ImportError('connector.yaml can not be read.', 'Mend it, or move it away, and import again.');
  const [now, is, was] = [partsOf(manifest), partsOf(there), before ?? {}];
  const changed: string[] = [];
  const conflicts: string[] = [];
  for (const name of differences(was, now)) {
    if (is[name] === now[name]) continue;
    if (is[name] !== was[name]) conflicts.push(name);
    else {
      changed.push(name);
      if (Object.hasOwn(manifest, name))
        document.set(name, document.createNode(manifest[name], { aliasDuplicateObjects: false }));
      else document.delete(name);
    }
  }
  return { text: changed.length === 0 ? current : document.toString({ lineWidth: 130 }), changed, conflicts };
}
