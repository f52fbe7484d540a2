import type { McpRequest } from '../manifest/request-definition.js';
import type { Fail } from '../tool/compile-tool.js';
import type { Step } from '../tool/tool.js';
import { addressBelow } from './address.js';
import { checkBase } from './compile-http.js';
import type { CompiledRequest, RequestContext } from './context.js';
import { fixedParts } from './fixed-parts.js';
import { compileHeaders } from './headers.js';
import { inside, MappingCompiler } from './mapping.js';
import { compilePath } from './path.js';

/** Where the upstream server is, with what headers; and what is called there, which the MCP client puts into messages. */
export function compileMcp(
  request: McpRequest,
  context: RequestContext,
  fail: Fail,
): CompiledRequest & { mcp: NonNullable<Step['mcp']> } {
  const { base, path, tool } = request;
  checkBase(base, context.provider, fail);
  if (context.provider.credential.in === 'body')
    fail([], 'the credential stands in a JSON body, and what MCP sends is not ours to add to');
  const forAddress = new MappingCompiler(context.declared, context.steps, [], context.hasItem);
  const forArguments = new MappingCompiler(context.declared, context.steps, [], context.hasItem);
  const pathOf = compilePath(path, {}, context, forAddress, fail);
  const headers = compileHeaders(request.headers, context, forAddress, inside('headers', fail));
  const mapped = forArguments.compile(request.arguments, inside('arguments', fail));
  return {
    pathTemplate: path,
    isRead: false,
    render: async (scope) => {
      const inputs = await forAddress.inputs(scope);
      const fixed = fixedParts(scope.provider, base);
      return {
        method: 'POST',
        url: addressBelow(fixed.base, pathOf(inputs), Object.entries(fixed.query)),
        headers: { ...fixed.headers, ...headers(inputs) },
        body: undefined,
        credential: true,
        readAs: 'json',
      };
    },
    mcp: {
      tool,
      arguments: async (scope) => {
        const value = mapped(await forArguments.inputs(scope));
        return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
      },
    },
  };
}
