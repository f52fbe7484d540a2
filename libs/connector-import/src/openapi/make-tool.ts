import { ArgumentSet, PAGING_NAMES } from '../arguments.js';
import type { Note, ToolDraft } from '../draft.js';
import { Unfit } from '../import-error.js';
import { isNode, ownNode, ownText, type Node } from '../node.js';
import { nameWords, pathWords, verbOf } from '../names/words.js';
import { Simplifier, TooBig, type Limits } from '../schema/simplify.js';
import { looksSecret } from '../sensitive.js';
import { plain } from '../text.js';
import { answerOf } from './answer.js';
import { scopesNeeded, type ChosenAuth } from './auth.js';
import { addBody } from './body.js';
import { jsonBodyOf } from './answer.js';
import type { OpenApiDocument } from './document.js';
import { effectOf } from './effect.js';
import type { Operation } from './operations.js';
import { PagingGuess, type Paging } from './pagination.js';
import { addParameter, type ParameterContext } from './parameter.js';
import { addPath } from './path.js';
import type { Bases } from './servers.js';

export interface Workshop {
  readonly document: OpenApiDocument;
  readonly auth: ChosenAuth;
  readonly bases: Bases;
  /** Address of the source, where it has one. */
  readonly address: string | undefined;
}

/** As deep as it gets with so many parts; the last has no bound but the loader's. */
const ATTEMPTS: readonly Limits[] = [
  { depth: 4, parts: 120, members: 60 },
  { depth: 3, parts: 120, members: 60 },
  { depth: 2, parts: 120, members: 60 },
  { depth: 1, parts: 120, members: 60 },
  { depth: 0, parts: 250, members: 60 },
];

/** @throws Unfit where no tool can be made of it */
export function makeTool(operation: Operation, workshop: Workshop): ToolDraft {
  for (const limits of ATTEMPTS) {
    try {
      return attempt(operation, workshop, limits);
    } catch (error) {
      if (!(error instanceof TooBig)) throw error;
    }
  }
  throw new Unfit('it has more arguments than a model can fill');
}

function attempt(operation: Operation, workshop: Workshop, limits: Limits): ToolDraft {
  const { document, auth, bases, address } = workshop;
  const { method, path, node, parameters, lost } = operation;
  if (lost.length > 0) throw new Unfit(`a parameter of it is described in another document (${lost[0]})`);
  const notes: Note[] = [];
  const { effect, guess } = effectOf(operation);
  if (guess !== undefined) notes.push({ kind: 'effect', at: '/effect', detail: guess });
  const answer = answerOf(ownNode(node, 'responses'), (value) => document.node(value));
  const paging = effect === 'read' && answer.readAs === 'json' ? pagingOf(operation, workshop, answer) : undefined;
  if (paging !== undefined) notes.push({ kind: 'pagination', at: '/pagination', detail: paging.because });
  const args = new ArgumentSet(paging === undefined ? [] : PAGING_NAMES);
  const simplifier = new Simplifier(document.resolve, limits, (at, detail) => notes.push({ kind: 'schema', at, detail }));
  const mappings = { params: {}, query: {}, headers: {} };
  const context: ParameterContext = { args, simplifier, notes, credential: auth.credential, mappings };
  const template = addPath(path, parameters, context);
  const base = bases.nameOf(operation.servers, address);
  const isPaged = ({ in: place, name }: Node) => place === 'query' && paging?.query.has(String(name)) === true;
  const besidePath = parameters.filter(
    (parameter) => parameter['in'] !== 'path' && parameter['in'] !== 'body' && !isPaged(parameter),
  );
  const key = idempotencyKey(besidePath, effect);
  for (const parameter of besidePath) if (parameter !== key) addParameter(parameter, context);
  const body = addBody(node['requestBody'], method, { document, args, simplifier, notes, paged: paging?.body ?? new Set() });
  const headers = { ...mappings.headers, ...ownNode(body, 'headers') };
  const request = {
    method,
    ...(base === undefined ? {} : { base }),
    path: template,
    ...filled('params', mappings.params),
    ...filled('query', mappings.query),
    ...filled('headers', headers),
    ...Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'headers')),
    ...(paging !== undefined && paging.body.size > 0 && !('body' in body) ? { body: {} } : {}),
    ...(answer.readAs === 'json' ? {} : { response: answer.readAs }),
  };
  if (answer.readAs !== 'json')
    notes.push({ kind: 'answer', at: '/request/response', detail: `the answer is read as ${answer.readAs}` });
  return drafted(operation, workshop, { effect, request, paging, args, notes, key });
}

interface Parts {
  effect: string;
  request: Record<string, unknown>;
  paging: Paging | undefined;
  args: ArgumentSet;
  notes: Note[];
  key: Node | undefined;
}

function drafted(operation: Operation, { auth }: Workshop, { effect, request, paging, args, notes, key }: Parts): ToolDraft {
  const { node, id, method, path, tags } = operation;
  const words = id === undefined ? pathWords(path, method) : nameWords(id, verbOf(method, path.endsWith('}')));
  if (id === undefined) notes.push({ kind: 'name', at: '/name', detail: 'made of method and path: the operation has no id' });
  const input = args.schema();
  const sensitive = Object.entries(ownNode(input, 'properties'))
    .filter(([name, schema]) => looksSecret(name, isNode(schema) ? schema['format'] : undefined))
    .map(([name]) => `/${name}`)
    .slice(0, 50);
  if (sensitive.length > 0) notes.push({ kind: 'sensitive', at: '/sensitive', detail: 'by their names' });
  const scopes = scopesNeeded(operation, auth);
  const summary = plain(node['summary'], 80) ?? plain(node['description'], 80);
  const documentation = documentationOf(node);
  const definition = {
    title: summary ?? `${method} ${path}`.slice(0, 80),
    description: descriptionOf(node) ?? `${method} ${path}`.slice(0, 500),
    effect,
    ...(scopes.length === 0 ? {} : { scopes: scopes.length === 1 ? scopes[0] : scopes }),
    input,
    request,
    ...(paging === undefined ? {} : { pagination: paging.definition }),
    ...(key === undefined ? {} : { idempotency: { header: String(key['name']) } }),
    ...(sensitive.length === 0 ? {} : { sensitive }),
    ...(documentation === undefined ? {} : { documentation }),
  };
  const group = tags[0] ?? path.split('/').find((segment) => segment !== '' && !segment.includes('{')) ?? 'tools';
  return { operation: operation.key, place: operation.place, words, group, definition, notes: [...notes, ...args.notes] };
}

function pagingOf(
  { parameters, method, node }: Operation,
  { document, auth }: Workshop,
  answer: ReturnType<typeof answerOf>,
): Paging | undefined {
  const body = method === 'GET' ? undefined : jsonBodyOf(document.node(node['requestBody']));
  const isFollowed = method === 'GET';
  const paging = new PagingGuess(document.resolve).of(parameters, body, answer.schema, answer.hasLink && isFollowed);
  if (paging === undefined || (paging.definition['style'] === 'url' && !isFollowed)) return undefined;
  return auth.credential.in === 'query' && paging.query.has(auth.credential.name) ? undefined : paging;
}

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ */
function idempotencyKey(parameters: readonly Node[], effect: string): Node | undefined {
  if (effect === 'read') return undefined;
  return parameters.find(({ in: place, name }) => place === 'header' && /^(?:x-)?idempotency-key$/i.test(String(name)));
}

function filled(name: string, members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.keys(members).length === 0 ? {} : { [name]: members };
}

function descriptionOf(node: Node): string | undefined {
  const [summary, description] = [plain(node['summary'], 200), plain(node['description'], 600)];
  if (summary === undefined || description === undefined || description.startsWith(summary)) return description ?? summary;
  return `${summary.replace(/[.:]$/, '')}. ${description}`;
}

function documentationOf(node: Node): string | undefined {
  const url = ownText(ownNode(node, 'externalDocs'), 'url');
  return url !== undefined && url.length <= 500 && /^https:\/\/[\x21-\x7e]+$/.test(url) && URL.canParse(url) ? url : undefined;
}
