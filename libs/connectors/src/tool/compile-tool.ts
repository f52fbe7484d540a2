import type { Tool } from './tool.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import type { ToolDefinition } from '../manifest/tool-definition.js';
import { compileRequest } from '../request/compile-request.js';
import { ArgumentCompiler } from './compile-arguments.js';

/** Ends loading: what is wrong, and where in the tool's definition. */
export type Fail = (path: readonly PropertyKey[], detail: string) => never;

export class ToolCompiler {
  private readonly args: ArgumentCompiler;

  constructor(options: { lazily?: boolean } = {}) {
    this.args = new ArgumentCompiler(options.lazily);
  }

  compile(definition: ToolDefinition, provider: ProviderManifest, fail: Fail): Tool {
    const { name, title, description, effect, idempotency } = definition;
    const { inputSchema, validate } = this.args.compile(definition.input, (path, detail) => fail(['input', ...path], detail));
    return Object.freeze({
      name,
      title,
      description,
      provider,
      effect,
      scopes: definition.scopes,
      pathTemplate: definition.request.path,
      inputSchema,
      idempotent: idempotency !== 'none',
      validateArguments: validate,
      render: compileRequest(definition, provider, inputSchema, fail),
    });
  }
}
