import type { Tool } from '@modelcontextprotocol/client';
import { ArgumentSet } from '../arguments.js';
import type { Draft, LeftOut, Note, ToolDraft, Wanted } from '../draft.js';
import { ImportError, Unfit } from '../import-error.js';
import { nameWords } from '../names/words.js';
import { isNode, ownNode } from '../node.js';
import { pointedAt } from '../schema/pointer.js';
import { pointed, requiredOf, Simplifier, TooBig, type Limits } from '../schema/simplify.js';
import { shallow } from '../schema/shallow.js';
import { looksSecret } from '../sensitive.js';
import { plain } from '../text.js';
import type { McpAuth, McpTools } from './read-tools.js';

const ATTEMPTS: readonly Limits[] = [6, 4, 3, 2, 1, 0].map((depth) => ({ depth, parts: depth === 0 ? 250 : 150, members: 80 }));

/** @throws ImportError where there is nothing to import */
export function importMcp({ tools: listed, title, auth }: McpTools, address: string, wanted: Wanted): Draft {
  const url = new URL(address);
  const leftOut: LeftOut[] = [];
  const tools: ToolDraft[] = [];
  let unwanted = 0;
  for (const [index, tool] of listed.entries()) {
    if (tools.length >= wanted.maxTools || !wanted.matches([], tool.name)) unwanted++;
    else {
      const made = makeOne(tool, `/tools/${index}`, url.pathname);
      if ('reason' in made) leftOut.push(made);
      else tools.push(made);
    }
  }
  if (listed.length === 0)
    throw new ImportError(`${address} has no tools.`, 'It may have some for others: see whose token it was given.');
  return {
    title: plain(title, 80)?.replaceAll('${', '$(') ?? url.hostname,
    manifest: {
      auth: authOf(auth, address),
      base_url: url.origin,
      origins: [url.origin],
    },
    tools,
    leftOut,
    unwanted,
    notes: [{ kind: 'auth', at: '/auth', detail: AUTH_NOTES[auth] }],
  };
}

const AUTH_NOTES: Readonly<Record<McpAuth, string>> = {
  none: 'the server told its tools to nobody in particular: it may want a token for calls all the same',
  oauth: 'the server names its authorization server (RFC 9728)',
  token: 'a guess: the server wants a token and does not say whose, so that people hand in their own',
};

function authOf(auth: McpAuth, address: string): Record<string, string> {
  if (auth === 'oauth') return { kind: 'mcp_oauth2', resource: address };
  return auth === 'token' ? { kind: 'api_key', label: 'Access token' } : { kind: 'none' };
}

function makeOne(tool: Tool, place: string, path: string): ToolDraft | LeftOut {
  const operation = `tool ${tool.name}`;
  for (const limits of ATTEMPTS) {
    try {
      return attempt(tool, place, path, limits);
    } catch (error) {
      if (error instanceof Unfit) return { operation, place, reason: error.message };
      if (!(error instanceof TooBig)) throw error;
    }
  }
  return { operation, place, reason: 'it has more arguments than a model can fill' };
}

function attempt(tool: Tool, place: string, path: string, limits: Limits): ToolDraft {
  if (tool.name.length > 128) throw new Unfit('its name is longer than 128 characters');
  const notes: Note[] = [];
  const resolve = (reference: string) => pointedAt(tool.inputSchema, reference);
  const simplifier = new Simplifier(resolve, limits, (at, detail) => notes.push({ kind: 'schema', at, detail }));
  const args = new ArgumentSet();
  const object = shallow(tool.inputSchema, resolve).schema;
  const names = simplifier.namesOf(object, '/input');
  // A single `$expr` would be read as an expression.
  if (names.includes('$expr')) throw new Unfit('it has an argument "$expr"');
  const required = requiredOf(object, names);
  const mapped = names.map((name) => {
    const argument = args.nameFor('body', name);
    args.set(
      argument,
      simplifier.simplify(ownNode(object, 'properties')[name], `/input/properties/${pointed(argument)}`),
      required.includes(name),
    );
    return [name, `$.${argument}`] as const;
  });
  const { effect, why } = effectOf(tool);
  notes.push({ kind: 'effect', at: '/effect', detail: why });
  const input = args.schema();
  const secret = Object.entries(ownNode(input, 'properties')).filter(([name, one]) =>
    looksSecret(name, isNode(one) ? one['format'] : undefined),
  );
  const title = plain(tool.title ?? tool.annotations?.title, 80) ?? plain(tool.name, 80) ?? 'Tool';
  const definition = {
    title,
    description: plain(tool.description, 1_500) ?? title,
    effect,
    input,
    request: { kind: 'mcp', path, tool: tool.name, ...(mapped.length === 0 ? {} : { arguments: Object.fromEntries(mapped) }) },
    ...(secret.length === 0 ? {} : { sensitive: secret.map(([name]) => `/${name}`) }),
  };
  return {
    operation: `tool ${tool.name}`,
    place,
    words: nameWords(tool.name, 'run'),
    group: 'tools',
    definition,
    notes: [...notes, ...args.notes],
  };
}

/** As the server says it; what it does not say is the worst (MCP, ToolAnnotations: `destructiveHint` is true by default). */
function effectOf({ annotations }: Tool): { effect: string; why: string } {
  if (annotations?.readOnlyHint === true) return { effect: 'read', why: 'the server says that it only reads' };
  if (annotations?.destructiveHint === false) return { effect: 'write', why: 'the server says that it ends nothing' };
  return { effect: 'destructive', why: 'the server does not say that it only reads, nor that it ends nothing' };
}
