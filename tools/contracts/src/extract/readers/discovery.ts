import { isObject, type Method, type Operation, type Parameter } from '@keyward/vendor-emulation';
import type { SourceFile } from '../../sources/vendor-source.js';
import type { Description, Listed } from '../description.js';
import { to2020, type Dialect } from '../to-2020.js';

type Node = Record<string, unknown>;

/** Parameters of every method, of which tools may use these; the others are credentials, callbacks and formats. */
const COMMON = ['alt', 'fields', 'prettyPrint', 'quotaUser'];

/** Google's discovery format: resources in resources, methods in them. */
export function readDiscovery(document: unknown, source: SourceFile): Description {
  const root = document as Node;
  const dialect: Dialect = { reference: (ref) => `#/components/schemas/${source.prefix}${ref}` };
  const schemas = root['schemas'] as Node;
  return {
    operations: methodsOf(root).flatMap((method) => listed(root, method, dialect)),
    schema: (name) => {
      const plain = name.slice(source.prefix.length);
      return name.startsWith(source.prefix) && Object.hasOwn(schemas, plain) ? to2020(schemas[plain], dialect) : undefined;
    },
  };
}

function methodsOf(node: Node): Node[] {
  const own = Object.values((node['methods'] ?? {}) as Node) as Node[];
  return [...own, ...(Object.values((node['resources'] ?? {}) as Node) as Node[]).flatMap(methodsOf)];
}

function listed(root: Node, method: Node, dialect: Dialect): Listed[] {
  const origin = String(root['rootUrl']).replace(/\/$/, '');
  const path = `/${String(root['servicePath'])}${String(method['flatPath'] ?? method['path'])}`;
  const verb = String(method['httpMethod']).toLowerCase() as Method;
  const entry = (at: string, facts: () => Operation): Listed => ({
    ...{ method: verb, server: origin, path: at, address: origin + at, facts },
  });
  const upload = (method['mediaUpload'] as { protocols?: { simple?: { path: string } } } | undefined)?.protocols?.simple;
  const found = [entry(path, () => factsOf(root, method, dialect))];
  if (upload !== undefined) found.push(entry(upload.path, () => uploadOf(factsOf(root, method, dialect))));
  return found;
}

function factsOf(root: Node, method: Node, dialect: Dialect): Operation {
  const common = Object.entries(root['parameters'] as Node).filter(([name]) => COMMON.includes(name));
  const parameters = [...Object.entries((method['parameters'] ?? {}) as Node), ...common]
    .map(([name, node]) => parameterOf(name, node as Node, dialect))
    .sort((a, b) => Number(b.in === 'path') - Number(a.in === 'path'));
  const request = method['request'];
  const response = method['response'];
  return {
    parameters,
    ...(isObject(request) ? { requestBody: { content: { 'application/json': { schema: to2020(request, dialect) } } } } : {}),
    // https://developers.google.com/workspace/drive/api/guides/performance#patch
    ...(method['httpMethod'] === 'PATCH' ? { 'x-null-clears': true as const } : {}),
    responses: isObject(response)
      ? { '200': { description: '', content: { 'application/json': { schema: to2020(response, dialect) } } } }
      : { '200': { description: '' } },
  };
}

/** `uploadType=media` sends the bytes alone, `multipart` the resource with them. */
function uploadOf(facts: Operation): Operation {
  const uploadType: Parameter = { name: 'uploadType', in: 'query', required: true, schema: { enum: ['media', 'multipart'] } };
  return {
    ...facts,
    parameters: [...(facts.parameters ?? []), uploadType],
    requestBody: { required: true, content: { 'multipart/related': {}, '*/*': {} } },
  };
}

function parameterOf(name: string, node: Node, dialect: Dialect): Parameter {
  const schema = to2020(node, dialect);
  return {
    name,
    in: node['location'] === 'path' ? 'path' : 'query',
    ...(node['required'] === true ? { required: true as const } : {}),
    schema: node['repeated'] === true ? { type: 'array', items: schema } : schema,
  };
}
