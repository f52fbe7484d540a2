import { type Method, methods, type Operation } from '@keyward/vendor-emulation';
import type { SourceFile } from '../../sources/vendor-source.js';
import type { Description, Listed } from '../description.js';

/** Nothing but method and path is known: parameters and bodies are free. */
const PATH_ALONE: Operation = { 'x-described': 'path', responses: { '200': { description: '' } } };

/** Sample requests of a Postman collection: `{{_endpoint}}/services/data/v{{version}}/sobjects/<SOBJECT_API_NAME>?q`. */
export function readPostman(document: unknown, source: SourceFile): Description {
  const { requests } = document as { requests: { method: string; url: string }[] };
  return describe(requests.map(({ method, url }) => listed(source, method, pathOf(url))));
}

function pathOf(url: string): string {
  const [path = ''] = url.replace(/^\{\{_endpoint\}\}/, '').split('?');
  return path
    .replace(/\{\{([^}]+)\}\}/g, '{$1}')
    .replace(/<([^>]+)>/g, '{$1}')
    .replace(/\/$/, '');
}

/** Facts restated from documentation pages; several methods or paths may share a row. */
export function readFacts(document: unknown, source: SourceFile): Description {
  const { facts } = document as { facts: { vendor: string; method: string; path: string }[] };
  const rows = facts
    .filter(({ vendor }) => vendor === source.vendor)
    // `{nextRecordsUrl} = /services/…` names where an answer has it.
    .map(({ path, ...row }) => ({ ...row, path: path.replace(/^\{\w+\} = /, '') }));
  return describe(
    rows.flatMap(({ method, path }) =>
      pathsOf(path).flatMap((one) => method.split(' / ').map((verb) => listed(source, verb, one))),
    ),
  );
}

/** `/a/deleted/ and /updated/` are two paths, of which the second replaces the last segment of the first. */
function pathsOf(path: string): string[] {
  const [first = '', second] = path.replaceAll('vXX.X', 'v{version}').split(' and ');
  const trimmed = first.replace(/\/$/, '');
  return second === undefined ? [trimmed] : [trimmed, trimmed.replace(/\/[^/]+$/, second.replace(/\/$/, ''))];
}

function listed(source: SourceFile, method: string, path: string): Listed {
  const server = source.server ?? '';
  return { method: method.toLowerCase() as Method, server, path, address: server + path, facts: () => PATH_ALONE };
}

function describe(all: readonly Listed[]): Description {
  return { operations: all.filter(({ method }) => methods.includes(method)), schema: () => undefined };
}
