import type { Catalog, Tool, UnifiedTool } from '@keyward/connectors';
import { slugSchema, userIdSchema, type ConnectionStatus, type ToolListing } from '@keyward/contracts';
import { z } from 'zod';
import { isAssigned, type AgentAssignments } from './assignments.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { assignedBehind } from './unified.js';

const PAGE_SIZE = 100;
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

export const toolQuerySchema = z.strictObject({
  connector: slugSchema.optional(),
  /** Matched against name, title and description, case-insensitively; every word must occur. */
  search: z.string().min(1).max(200).optional(),
  cursor: z.string().max(256).optional(),
  /** Whose connection status to show. */
  user: userIdSchema.optional(),
});
export type ToolQuery = z.infer<typeof toolQuerySchema>;

/** A tool as an agent sees it; `behind` is what it may call by a unified name, by connector. */
export type Listed = { readonly tool: Tool } | { readonly unified: UnifiedTool; readonly behind: ReadonlyMap<string, Tool> };

export interface ToolPage {
  tools: Listed[];
  nextCursor: string | null;
}

interface Entry {
  readonly name: string;
  /** What a search looks through. */
  readonly text: string;
  /** Undefined where the agent may not call it. */
  listed(assignments: AgentAssignments, connector: string | undefined): Listed | undefined;
}

/** Tools of one catalog in the order of their names, prepared once: a catalog does not change. */
export class ToolIndex {
  readonly #entries: readonly Entry[];

  constructor(catalog: Catalog) {
    const unified = catalog.unifiedTools().map((each) => unifiedEntry(catalog, each));
    this.#entries = [...catalog.tools().map(toolEntry), ...unified].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws KeywardError `invalid_request` for a cursor that is not ours */
  page(query: ToolQuery, assignments: AgentAssignments): ToolPage {
    const selection = [query.connector ?? '', query.search ?? ''];
    const after = query.cursor === undefined ? '' : decodeCursor(selection, query.cursor, TOOL_NAME);
    const words = query.search?.toLowerCase().split(/\s+/) ?? [];
    const found: Listed[] = [];
    let last: string | null = null;
    for (const { name, text, listed } of this.#entries) {
      if (name <= after || !words.every((word) => text.includes(word))) continue;
      const one = listed(assignments, query.connector);
      if (one === undefined) continue;
      // One more than a page tells whether there is a next one.
      if (found.length === PAGE_SIZE) return { tools: found, nextCursor: last && encodeCursor(selection, last) };
      found.push(one);
      last = name;
    }
    return { tools: found, nextCursor: null };
  }
}

function toolEntry(tool: Tool): Entry {
  const { name, provider } = tool;
  return {
    name,
    text: textOf(tool, tool.description),
    listed: (assignments, connector) =>
      (connector === undefined || provider.name === connector) && isAssigned(tool, assignments) ? { tool } : undefined,
  };
}

function unifiedEntry(catalog: Catalog, unified: UnifiedTool): Entry {
  const { description } = unified.describe([...catalog.behind(unified).keys()]);
  return {
    name: unified.name,
    text: textOf(unified, description),
    listed: (assignments, connector) => {
      const behind = assignedBehind(catalog, unified, assignments);
      const isListed = connector === undefined ? behind.size > 0 : behind.has(connector);
      return isListed ? { unified, behind } : undefined;
    },
  };
}

function textOf({ name, title }: Pick<Tool, 'name' | 'title'>, description: string): string {
  return `${name}\n${title}\n${description}`.toLowerCase();
}

const indexes = new WeakMap<Catalog, ToolIndex>();

export function indexOf(catalog: Catalog): ToolIndex {
  let index = indexes.get(catalog);
  if (index === undefined) {
    index = new ToolIndex(catalog);
    indexes.set(catalog, index);
  }
  return index;
}

/** @param statuses of the user's connections, by connector */
export function toListing(listed: Listed, statuses: ReadonlyMap<string, ConnectionStatus>): ToolListing {
  if ('unified' in listed) {
    const { unified, behind } = listed;
    const connectors = [...behind.keys()];
    const { name, title, effect, outputSchema } = unified;
    const common = { name, title, connector: null, connectors, effect, scopes: [], outputSchema, connectionStatus: null };
    return { ...common, ...unified.describe(connectors), version: null, documentation: null };
  }
  const { name, title, description, provider, effect, scopes, inputSchema, outputSchema, version, documentation } = listed.tool;
  return {
    ...{ name, title, description, connector: provider.name, connectors: [provider.name], effect, inputSchema },
    ...{ outputSchema, version, documentation },
    scopes: scopes.map((set) => [...set]),
    connectionStatus: statuses.get(provider.name) ?? null,
  };
}
