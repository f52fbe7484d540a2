import { providerManifestSchema, type ProviderManifest } from '../src/manifest/provider-manifest.js';
import { toolDefinitionSchema } from '../src/manifest/tool-definition.js';
import { ToolCompiler } from '../src/tool/compile-tool.js';
import type { Answer, Arguments, PageRequest, RenderedRequest, Scope, Step, Tool } from '../src/tool/tool.js';

export const BASE = 'https://api.acme.example/v1';

/** A provider whose manifest has these members beside what each must have. */
export function acme(members: object = {}): ProviderManifest {
  return providerManifestSchema.parse({
    name: 'acme',
    title: 'Acme',
    auth: { kind: 'api_key' },
    base_url: BASE,
    origins: ['https://api.acme.example'],
    ...members,
  });
}

/**
 * Compiles a tool that has these members beside what each must have.
 * @param properties of its arguments
 * @throws Error `<place>: <what is wrong>`
 */
export function toolOf(
  members: object,
  properties: Record<string, object> = {},
  { required = [], schema = {}, provider = acme() }: { required?: string[]; schema?: object; provider?: ProviderManifest } = {},
): Tool {
  const definition = toolDefinitionSchema.parse({
    name: 'acme_do',
    title: 'Do',
    description: 'Does.',
    effect: 'write',
    input: { type: 'object', properties, required, ...schema },
    ...members,
  });
  return new ToolCompiler().compile(definition, provider, (path, detail) => {
    throw new Error(`${path.join('/')}: ${detail}`);
  });
}

export function scopeOf(tool: Tool, args: Arguments = {}, more: Partial<Scope> = {}): Scope {
  return { args, steps: {}, key: 'exe_1', connection: {}, provider: tool.provider, ...more };
}

export function stepOf({ steps }: Tool, id?: string): Step {
  const found = id === undefined ? steps[0] : steps.find((step) => step.id === id);
  if (found === undefined) throw new Error('the tool has no such step');
  return found;
}

export function render(
  tool: Tool,
  args: Arguments = {},
  more: Partial<Scope> = {},
  page?: PageRequest,
): Promise<RenderedRequest> {
  return stepOf(tool).render(scopeOf(tool, args, more), page);
}

export function answer(body: unknown, more: Partial<Answer> = {}): Answer {
  return { status: 200, headers: {}, body, ...more };
}
