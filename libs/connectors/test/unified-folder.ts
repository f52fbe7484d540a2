import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Two systems for notes that name everything differently, and the unified tools that both have. */
export const UNIFIED_FILES: Readonly<Record<string, string>> = {
  'unified/notes.yaml': `
- name: notes_create
  title: Create a note
  description: Creates a note.
  effect: write
  input:
    type: object
    properties:
      title: { type: string, minLength: 1, maxLength: 100 }
      place: { type: string, maxLength: 100 }
      tags: { type: array, items: { type: string } }
    required: [title]
  output: { type: object, properties: { id: { type: string }, title: { type: string } }, required: [id] }
- name: notes_list
  title: List notes
  description: Lists notes.
  effect: read
  list: true
  input: { type: object, properties: { place: { type: string } } }
  output: { type: object, properties: { id: { type: string }, title: { type: string } }, required: [id] }
- name: notes_delete
  title: Delete a note
  description: Deletes a note.
  effect: destructive
  input: { type: object, properties: { note: { type: string } }, required: [note] }
  output: { type: object, properties: { id: { type: string } }, required: [id] }
`,
  'alpha/tools.yaml': `
- name: alpha_add_card
  title: Add a card
  description: Adds a card.
  effect: write
  scopes: [things:write]
  input: { type: object, properties: { name: { type: string, maxLength: 50 }, board: { type: string, pattern: '^[A-Z]+$' }, labels: { type: array, items: { type: string, maxLength: 5 } } }, required: [name, board] }
  request: { method: POST, path: '/boards/{board}/cards', body: { name: $.name, labels: $.labels } }
  output: { select: '{"number": number, "name": name}' }
- name: alpha_list_cards
  title: List cards
  description: Lists cards.
  effect: read
  input: { type: object, properties: { board: { type: string } } }
  request: { method: GET, path: /cards, query: { board: $.board } }
  pagination: { style: cursor, items: /cards, next: /next, into: { query: after }, size: { into: { query: size }, max: 2 } }
- name: alpha_wipe_card
  title: Wipe a card
  description: Wipes a card.
  effect: destructive
  input: { type: object, properties: { card: { type: string } }, required: [card] }
  request: { method: DELETE, path: '/cards/{card}' }
  output: { select: '{"card": $args.card}' }
`,
  'alpha/unified.yaml': `
notes_create:
  tool: alpha_add_card
  notes: place is a board in capitals.
  arguments:
    name: $.title
    board: { $expr: 'place ? $uppercase(place)' }
    labels: $.tags
  output: '{"id": $string(number), "title": name}'
notes_list:
  tool: alpha_list_cards
  arguments: { board: $.place }
  output: '{"id": $string(number), "title": name}'
notes_delete:
  tool: alpha_wipe_card
  arguments: { card: $.note }
  output: '{"id": card}'
`,
  'beta/tools.yaml': `
- name: beta_write_note
  title: Write a note
  description: Writes a note.
  effect: write
  input: { type: object, properties: { text: { type: string } }, required: [text] }
  request: { method: POST, path: /notes, body: { text: $.text } }
  idempotency: { probe: { request: { method: GET, path: /notes }, found: 'notes[0]' } }
- name: beta_find_notes
  title: Find notes
  description: Finds notes.
  effect: read
  input: { type: object, properties: { limit: { type: integer, maximum: 5 }, cursor: { type: string } } }
  request: { method: GET, path: /notes, query: { limit: $.limit, cursor: $.cursor } }
  output: { select: '{"items": [notes], "nextCursor": more}', schema: { type: object, properties: { items: { type: array }, nextCursor: { type: [string, 'null'] } } } }
`,
  'beta/unified.yaml': `
notes_create:
  tool: beta_write_note
  arguments: { text: $.title }
  ignored: [place, tags]
  output: '{"id": uid, "title": text}'
notes_list:
  tool: beta_find_notes
  arguments: { limit: { $expr: '$exists(limit) ? $min([limit, 5])' } }
  ignored: [place]
  output: '{"id": uid, "title": text}'
`,
};

const manifest = (name: string, origin: string) => `
name: ${name}
title: ${name}
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: ${origin}/auth
  token_endpoint: ${origin}/token
  scopes: { default: [openid] }
refresh: { rotates: false }
base_url: ${origin}/${name}
origins: ['${origin}']
`;

/** Writes them into a folder of connectors. @param changes other contents of files, by their path; null leaves one out */
export function writeUnifiedFolder(dir: string, origin: string, changes: Readonly<Record<string, string | null>> = {}): void {
  const manifests = Object.fromEntries(['alpha', 'beta'].map((name) => [`${name}/connector.yaml`, manifest(name, origin)]));
  for (const [path, text] of Object.entries({ ...manifests, ...UNIFIED_FILES, ...changes })) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    if (text !== null) writeFileSync(join(dir, path), text);
  }
}
