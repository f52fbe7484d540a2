import type { Tool } from '../tool/tool.js';
import { apartFor } from '../expression/compile-expression.js';
import { textsOf } from '../manifest/places.js';
import type { ProviderManifest } from '../manifest/provider-manifest.js';
import { ToolCompiler } from '../tool/compile-tool.js';
import { ConnectorError } from './connector-error.js';
import { declaredVariables, parseManifest, readTools } from './read-connector.js';
import { YamlFile } from './yaml-file.js';

export interface Connector {
  readonly manifest: ProviderManifest;
  readonly tools: readonly Tool[];
}

/** Compiling a schema costs milliseconds, and many organizations have many tools. */
const MAX_TOOLS = 200;

/** Names that are taken, by whoever came first. */
export interface TakenNames {
  connector(name: string): unknown;
  takenTools(): readonly Tool[];
  unified(name: string): unknown;
}

/** Written-out hosts that are this very machine. Egress refuses private addresses whatever their name; this tells it early. */
const THIS_MACHINE = /^https?:\/\/(?:[^/?#@]*@)?(?:localhost|[^/?#]*\.localhost|127\.[\d.]+|\[[^\]]*\]|0\.0\.0\.0)(?=$|[:/?#])/i;

/**
 * A connector that an organization posts: the same files, named connector.yaml and tools.yaml in errors, and less trust. It may use no
 * variable of the deployment, stays off this machine, gets no trace of ours, and takes no name that the deployment uses.
 *
 * @param taken the deployment's connectors and tools, and the organization's others
 * @param org whose it is. Arguments’ schemas are compiled when a tool is first called, whatever they hold: see checkPosted
 * @throws ConnectorError that names file, line and JSON Pointer of what is wrong
 */
export function parseConnector(text: string, toolsText: string | null | undefined, taken?: TakenNames, org = ''): Connector {
  const file = new YamlFile('connector.yaml', text);
  if (Object.keys(declaredVariables(file)).length > 0)
    throw file.error(['variables'], 'a posted connector has no variables: nobody but the deployment could set them');
  const manifest = parseManifest(file, {});
  const problems = [...textsOf(manifest)]
    .filter(([, value]) => /^http:/i.test(value) || THIS_MACHINE.test(value))
    .map(([place]) => file.problem(place, 'a posted connector has https addresses outside of this machine only'));
  if (manifest.propagate_trace)
    problems.push(file.problem(['propagate_trace'], 'a posted connector does not receive traces of this deployment'));
  if (taken?.connector(manifest.name) !== undefined)
    problems.push(file.problem(['name'], `there is already a connector with the name "${manifest.name}"`));
  if (problems.length > 0) throw new ConnectorError(problems);
  if (toolsText === null || toolsText === undefined) return { manifest, tools: [] };
  const known = new Map(taken?.takenTools().map((tool) => [tool.name, tool]));
  const toolFile = new YamlFile('tools.yaml', toolsText);
  if (Array.isArray(toolFile.value) && toolFile.value.length > MAX_TOOLS)
    throw toolFile.error([], `a posted connector has at most ${MAX_TOOLS} tools`);
  const { evaluator, check: checkApart } = apartFor(org);
  const compiler = new ToolCompiler({ evaluator, checkApart });
  const tools = readTools([toolFile], manifest, compiler, known);
  const unified = tools.findIndex(({ name }) => taken?.unified(name) !== undefined);
  if (unified >= 0) throw toolFile.error([unified, 'name'], 'there is a unified tool of this name');
  return { manifest, tools };
}
