import { own } from '../node.js';

/** What `#/a/b` names in a document (RFC 6901 section 6); undefined where there is nothing, or it leads elsewhere. */
export function pointedAt(root: unknown, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined;
  let node = root;
  for (const token of reference.slice(2).split('/')) {
    const name = decoded(token).replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(node)) node = /^\d{1,6}$/.test(name) ? node[Number(name)] : undefined;
    else node = own(node, name);
  }
  return node;
}

function decoded(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}
