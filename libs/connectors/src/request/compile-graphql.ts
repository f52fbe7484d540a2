import type { GraphqlRequest } from '../manifest/request-definition.js';
import type { Fail } from '../tool/compile-tool.js';
import { addressBelow } from './address.js';
import { compileJson } from './body.js';
import { checkBase } from './compile-http.js';
import { placementOf, type CompiledRequest, type RequestContext } from './context.js';
import { fixedParts } from './fixed-parts.js';
import { readDocument, type GraphqlOperation } from './graphql-document.js';
import { compileHeaders } from './headers.js';
import { inside, MappingCompiler } from './mapping.js';
import { compilePath } from './path.js';

/** https://graphql.github.io/graphql-over-http/draft/#sec-POST */
export function compileGraphql(request: GraphqlRequest, context: RequestContext, fail: Fail): CompiledRequest {
  const { base, path, query: document } = request;
  const { provider, declared, steps } = context;
  checkBase(base, provider, fail);
  const operation = readDocument(document, inside('query', fail));
  checkVariables(request, operation, context, fail);
  const mappings = new MappingCompiler(declared, steps, [], context.hasItem);
  const pathOf = compilePath(path, {}, context, mappings, fail);
  const variables = mappings.compile(request.variables, inside('variables', fail));
  const headers = compileHeaders(request.headers, context, mappings, inside('headers', fail), operation.isQuery);
  // The credential may be a member of the body, which must then leave its place free.
  compileJson({ query: 'text', variables: {} }, mappings, provider, fail);
  return {
    pathTemplate: path,
    isRead: operation.isQuery,
    render: async (scope, page) => {
      const inputs = await mappings.inputs(scope);
      const fixed = fixedParts(scope.provider, base);
      const placed = placementOf(context, page);
      return {
        method: 'POST',
        url: addressBelow(fixed.base, pathOf(inputs), Object.entries(fixed.query)),
        headers: { accept: 'application/json', 'content-type': 'application/json', ...fixed.headers, ...headers(inputs) },
        body: JSON.stringify({ query: document, variables: { ...(variables(inputs) as object), ...placed.variables } }),
        credential: true,
        readAs: 'json',
      };
    },
  };
}

function checkVariables({ variables }: GraphqlRequest, operation: GraphqlOperation, { paged }: RequestContext, fail: Fail): void {
  const given = new Set([...Object.keys(variables), ...paged.variables]);
  for (const name of given)
    if (!operation.variables.has(name)) fail(['variables', name], `the document has no variable $${name}`);
  for (const name of paged.variables)
    if (Object.hasOwn(variables, name)) fail(['variables', name], 'pagination sets this variable');
  for (const [name, isRequired] of operation.variables)
    if (isRequired && !given.has(name)) fail(['variables'], `the document needs $${name}`);
}
