import type { Catalog, Tool } from '@keyward/connectors';
import { KeywardError, type AgentManifest, type AppliedManifest, type Assignment, type ToolEffect } from '@keyward/contracts';

type ManifestTool = AgentManifest['tools'][number];

const RANK: Record<ToolEffect, number> = { read: 0, write: 1, destructive: 2 };

/**
 * The assignments that a manifest names, in the order of connectors: its tools and no others, with the permission level that it states
 * for the connector, and read where it states none.
 * @throws KeywardError `invalid_request` with a pointer to each place that is wrong
 */
export function assignmentsOf(catalog: Catalog, manifest: AgentManifest): Assignment[] {
  const errors = [...toolErrors(catalog, manifest), ...permissionErrors(manifest)];
  const [first] = errors;
  if (first !== undefined) {
    throw new KeywardError('invalid_request', `The manifest is not valid (${first.pointer}: ${first.detail}).`, {
      details: { errors },
    });
  }
  return [...new Set(manifest.tools.map(({ connector }) => connector))].sort().map((connector) => ({
    connector,
    permission: permissionOf(manifest, connector),
    tools: manifest.tools
      .filter((tool) => tool.connector === connector)
      .flatMap((tool) => toolNamed(catalog, tool)?.name ?? [])
      .sort(),
  }));
}

/** The tool of a connector that a manifest names, be it by a unified name; undefined where the connector has none. */
export function toolNamed(catalog: Catalog, { name, connector }: Pick<ManifestTool, 'name' | 'connector'>): Tool | undefined {
  const unified = catalog.unified(name);
  if (unified !== undefined) return catalog.behind(unified).get(connector);
  return catalog.toolsOf(connector).find((tool) => tool.name === name);
}

interface ManifestError {
  pointer: string;
  detail: string;
}

function toolErrors(catalog: Catalog, manifest: AgentManifest): ManifestError[] {
  const seen = new Set<string>();
  return manifest.tools.flatMap(({ name, connector }, index): ManifestError[] => {
    const place = `/tools/${index}`;
    if (catalog.connector(connector) === undefined)
      return [{ pointer: `${place}/connector`, detail: 'there is no such connector' }];
    const tool = toolNamed(catalog, { name, connector });
    if (tool === undefined) return [{ pointer: `${place}/name`, detail: 'the connector has no such tool' }];
    if (seen.has(tool.name)) return [{ pointer: `${place}/name`, detail: 'this tool is named twice' }];
    seen.add(tool.name);
    // Assigned it would be, and every call of it refused: better said now.
    if (RANK[tool.effect] <= RANK[permissionOf(manifest, connector)]) return [];
    const detail = `the effect of this tool is ${tool.effect}: state it for ${connector} under permissions`;
    return [{ pointer: `${place}/name`, detail }];
  });
}

function permissionErrors({ tools, permissions }: AgentManifest): ManifestError[] {
  const named = new Set(tools.map(({ connector }) => connector));
  return Object.keys(permissions)
    .filter((connector) => !named.has(connector))
    .map((connector) => ({ pointer: `/permissions/${connector}`, detail: 'no tool of this connector is named' }));
}

function permissionOf({ permissions }: AgentManifest, connector: string): Assignment['permission'] {
  return Object.hasOwn(permissions, connector) ? (permissions[connector] ?? 'read') : 'read';
}

/** What of the agent's assignments is to change. Both in the order of connectors. */
export function differences(before: readonly Assignment[], after: readonly Assignment[]): AppliedManifest['assignments'] {
  const earlier = new Map(before.map((assignment) => [assignment.connector, assignment]));
  const later = new Set(after.map(({ connector }) => connector));
  return {
    added: after.filter(({ connector }) => !earlier.has(connector)),
    changed: after.filter((assignment) => {
      const old = earlier.get(assignment.connector);
      return old !== undefined && !isSame(old, assignment);
    }),
    removed: before.map(({ connector }) => connector).filter((connector) => !later.has(connector)),
  };
}

function isSame(one: Assignment, other: Assignment): boolean {
  return one.permission === other.permission && JSON.stringify(sorted(one.tools)) === JSON.stringify(sorted(other.tools));
}

function sorted(tools: readonly string[] | null): readonly string[] | null {
  return tools === null ? null : [...tools].sort();
}
