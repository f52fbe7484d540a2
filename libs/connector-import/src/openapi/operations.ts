import type { LeftOut } from '../draft.js';
import { isNode, own, ownList, ownNode, ownText, type Node } from '../node.js';
import { pointed } from '../schema/simplify.js';
import type { OpenApiDocument } from './document.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Operation {
  readonly method: Method;
  readonly path: string;
  /** `GET /issues/{id}` */
  readonly key: string;
  /** JSON Pointer into the source. */
  readonly place: string;
  readonly tags: readonly string[];
  readonly id: string | undefined;
  readonly node: Node;
  /** Of the path and of the operation, which may say it anew. */
  readonly parameters: readonly Node[];
  /** References to parameters that lead out of the document. */
  readonly lost: readonly string[];
  readonly servers: readonly unknown[];
  readonly security: readonly unknown[] | undefined;
}

const SENT: ReadonlySet<string> = new Set(['get', 'post', 'put', 'patch', 'delete']);
const OTHERS: ReadonlySet<string> = new Set(['head', 'options', 'trace', 'query']);

/** Every operation of a description, in its order, and those that no tool can be made of for what they are. */
export function operationsOf(document: OpenApiDocument): { operations: Operation[]; leftOut: LeftOut[] } {
  const operations: Operation[] = [];
  const leftOut: LeftOut[] = [];
  for (const [path, value] of Object.entries(ownNode(document.root, 'paths'))) {
    if (!path.startsWith('/')) continue;
    const place = `/paths/${pointed(path)}`;
    const item = document.node(value);
    if (item === undefined) {
      leftOut.push({ operation: path, place, reason: 'it is described in another document: put both into one first' });
      continue;
    }
    for (const [name, node] of [...Object.entries(item), ...Object.entries(ownNode(item, 'additionalOperations'))]) {
      const isSent = SENT.has(name.toLowerCase());
      const isOperation = isSent || OTHERS.has(name.toLowerCase()) || own(item['additionalOperations'], name) === node;
      if (!isOperation || !isNode(node)) continue;
      const at = { operation: `${name.toUpperCase()} ${path}`, place: `${place}/${pointed(name)}` };
      if (!isSent) leftOut.push({ ...at, reason: `tools send no ${name.toUpperCase()}` });
      else if (node['deprecated'] === true) leftOut.push({ ...at, reason: 'deprecated' });
      else operations.push(operationOf(document, path, item, name, node, at));
    }
  }
  return { operations, leftOut };
}

function operationOf(
  document: OpenApiDocument,
  path: string,
  item: Node,
  name: string,
  node: Node,
  at: { operation: string; place: string },
): Operation {
  const written = [...ownList(item, 'parameters'), ...ownList(node, 'parameters')];
  const found = written.map((parameter) => document.node(parameter));
  const byName = new Map(
    found.filter(isNode).map((parameter) => [`${String(parameter['in'])} ${String(parameter['name'])}`, parameter]),
  );
  const security = own(node, 'security') ?? own(document.root, 'security');
  return {
    method: name.toUpperCase() as Method,
    path,
    key: at.operation,
    place: at.place,
    tags: ownList(node, 'tags').filter((tag) => typeof tag === 'string'),
    id: ownText(node, 'operationId'),
    node,
    parameters: [...byName.values()],
    lost: written.flatMap((parameter, index) =>
      found[index] === undefined ? [String(own(parameter, '$ref')).slice(0, 100)] : [],
    ),
    servers: [ownList(node, 'servers'), ownList(item, 'servers')].find((servers) => servers.length > 0) ?? [],
    security: Array.isArray(security) ? security : undefined,
  };
}
