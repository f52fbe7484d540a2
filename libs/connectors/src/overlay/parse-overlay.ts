import type { Catalog } from '../catalog.js';
import { ConnectorError } from '../load/connector-error.js';
import { YamlFile } from '../load/yaml-file.js';
import type { Tool } from '../tool/tool.js';
import { applyOverlay } from './apply-overlay.js';
import { overlaySchema } from './overlay-definition.js';

export interface Overlay {
  readonly connector: string;
  /** Name → the tool as it is now, null where it is hidden. Only of tools that are changed. */
  readonly tools: ReadonlyMap<string, Tool | null>;
}

/**
 * An overlay that an organization posts, named overlay.yaml in errors.
 *
 * @param catalog of the deployment, whose tools it changes
 * @param onProblem of one that is stored: the deployment's tools may have changed since. A tool that can't be changed as it says is then
 *   hidden, because what was narrowed must not widen by itself.
 * @throws ConnectorError that names file, line and JSON Pointer of what is wrong
 */
export function parseOverlay(text: string, catalog: Catalog, onProblem?: (problem: ConnectorError) => void): Overlay {
  const file = new YamlFile('overlay.yaml', text);
  const { connector, tools } = file.parse(overlaySchema, file.value);
  if (catalog.connector(connector) === undefined)
    throw file.error(['connector'], `the deployment has no connector "${connector}"`);
  const own = new Map(catalog.toolsOf(connector).map((tool) => [tool.name, tool]));
  const changed = Object.entries(tools).map(([name, overlay]): [string, Tool | null] => {
    try {
      const tool = own.get(name);
      if (tool === undefined) throw file.error(['tools', name], `the connector "${connector}" has no tool "${name}"`);
      const applied = applyOverlay(tool, overlay, (path, detail) => {
        throw file.error(['tools', name, ...path], detail);
      });
      return [name, applied ?? null];
    } catch (error) {
      if (onProblem === undefined || !(error instanceof ConnectorError)) throw error;
      onProblem(error);
      return [name, null];
    }
  });
  return { connector, tools: new Map(changed) };
}
