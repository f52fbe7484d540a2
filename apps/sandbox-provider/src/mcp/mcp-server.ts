import { McpServer, requireScopes } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Notes } from '../store/notes.js';

/** The notes of one person, as tools. Made anew for every request: nothing is kept between them. */
export function createNotesServer(notes: Notes, user: string): McpServer {
  const server = new McpServer({ name: 'sandbox-notes', version: '1.0.0' });
  server.registerTool(
    'list_notes',
    {
      title: 'List notes',
      description: 'Lists the notes of the connected person, newest first.',
      inputSchema: z.object({ limit: z.int().min(1).max(100).default(20) }),
      annotations: { readOnlyHint: true },
      scopeChallenge: requireScopes('notes:read'),
    },
    ({ limit }) => answer({ notes: notes.list(user, limit, undefined).notes }),
  );
  server.registerTool(
    'create_note',
    {
      title: 'Create a note',
      description: 'Writes a new note for the connected person.',
      inputSchema: z.object({ title: z.string().min(1).max(200), body: z.string().max(10_000).default('') }),
      annotations: { readOnlyHint: false, destructiveHint: false },
      scopeChallenge: requireScopes('notes:write'),
    },
    (content) => {
      const creation = notes.create(user, content, undefined);
      return answer(creation.outcome === 'conflict' ? { created: false } : { created: true, note: creation.note });
    },
  );
  return server;
}

function answer(structured: Record<string, unknown>) {
  return { content: [{ type: 'text' as const, text: JSON.stringify(structured) }], structuredContent: structured };
}
