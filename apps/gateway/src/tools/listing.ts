import type { Catalog, Tool } from '@keyward/connectors';
import { slugSchema, userIdSchema, type ConnectionStatus, type ToolListing } from '@keyward/contracts';
import { z } from 'zod';
import { isAssigned, type AgentAssignments } from './assignments.js';
import { decodeCursor, encodeCursor } from './cursor.js';

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

export interface ToolPage {
  tools: Tool[];
  nextCursor: string | null;
}

/** Tools of one catalog in the order of their names, prepared once: a catalog does not change. */
export class ToolIndex {
  readonly #tools: readonly { tool: Tool; text: string }[];

  constructor(catalog: Catalog) {
    this.#tools = catalog
      .tools()
      .map((tool) => ({ tool, text: `${tool.name}\n${tool.title}\n${tool.description}`.toLowerCase() }))
      .sort((a, b) => (a.tool.name < b.tool.name ? -1 : 1));
  }

  /** @throws KeywardError `invalid_request` for a cursor that is not ours */
  page(query: ToolQuery, assignments: AgentAssignments): ToolPage {
    const selection = [query.connector ?? '', query.search ?? ''];
    const after = query.cursor === undefined ? '' : decodeCursor(selection, query.cursor, TOOL_NAME);
    const words = query.search?.toLowerCase().split(/\s+/) ?? [];
    const found: Tool[] = [];
    for (const { tool, text } of this.#tools) {
      if (tool.name <= after) continue;
      if (query.connector !== undefined && tool.provider.name !== query.connector) continue;
      if (!words.every((word) => text.includes(word)) || !isAssigned(tool, assignments)) continue;
      // One more than a page tells whether there is a next one.
      if (found.push(tool) > PAGE_SIZE) break;
    }
    const tools = found.slice(0, PAGE_SIZE);
    const last = tools.at(-1);
    return { tools, nextCursor: found.length > PAGE_SIZE && last !== undefined ? encodeCursor(selection, last.name) : null };
  }
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

export function toListing(tool: Tool, connectionStatus: ConnectionStatus | null): ToolListing {
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    connector: tool.provider.name,
    effect: tool.effect,
    scopes: tool.scopes.map((set) => [...set]),
    inputSchema: tool.inputSchema,
    connectionStatus,
  };
}
