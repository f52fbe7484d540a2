import type { Draft, LeftOut, ToolDraft, Wanted } from '../draft.js';
import { ImportError, Unfit } from '../import-error.js';
import { ownList, ownNode, ownText, type Node } from '../node.js';
import { plain } from '../text.js';
import { chooseAuth, withoutReferences } from './auth.js';
import { OpenApiDocument } from './document.js';
import { makeTool } from './make-tool.js';
import { operationsOf, type Operation } from './operations.js';
import { Bases, serverOf } from './servers.js';

export interface OpenApiOptions {
  readonly baseUrl: string | undefined;
  /** Where the description was read, where that is an address. */
  readonly address: string | undefined;
  readonly wanted: Wanted;
  readonly progress: (done: number, of: number) => void;
}

/** @throws ImportError where it is no description, or does not say where the API is */
export function importOpenApi(source: Node, { baseUrl, address, wanted, progress }: OpenApiOptions): Draft {
  const document = OpenApiDocument.of(source);
  const { root } = document;
  const { operations, leftOut } = operationsOf(document);
  if (operations.length === 0)
    throw new ImportError(
      'The description has no operation that a tool could be made of.',
      'See that it has `paths`, and that they are not all deprecated.',
    );
  const server = serverOf(ownList(root, 'servers'), baseUrl, address);
  const auth = chooseAuth(document, operations, server.base);
  const bases = new Bases(server);
  const chosen = operations.filter((operation) => wanted.matches(operation.tags, operation.path)).slice(0, wanted.maxTools);
  const tools: ToolDraft[] = [];
  const notFit: LeftOut[] = [];
  for (const [index, operation] of chosen.entries()) {
    const made = toolOf(operation, () => makeTool(operation, { document, auth, bases, address }));
    if ('reason' in made) notFit.push(made);
    else tools.push(made);
    if (index % 100 === 99) progress(index + 1, chosen.length);
  }
  const info = ownNode(root, 'info');
  const description = plain(info['description'], 400);
  const documentation = [ownText(ownNode(root, 'externalDocs'), 'url'), address].find(
    (url) => url?.startsWith('https://') === true && url.length <= 500,
  );
  return {
    title: withoutReferences(plain(info['title'], 80) ?? new URL(server.origin.replace(/\$\{[^}]*\}/, 'x')).hostname),
    manifest: {
      ...(description === undefined ? {} : { description: withoutReferences(description) }),
      ...(documentation === undefined || documentation.includes('${') ? {} : { documentation }),
      ...(Object.keys(server.parameters).length === 0 ? {} : { connection_parameters: server.parameters }),
      ...auth.manifest,
      base_url: server.base,
      ...(Object.keys(bases.declared()).length === 0 ? {} : { bases: bases.declared() }),
      origins: [server.origin],
    },
    tools,
    leftOut: [...leftOut, ...notFit],
    unwanted: operations.length - chosen.length,
    notes: [...server.notes, ...auth.notes],
  };
}

function toolOf({ key, place }: Operation, make: () => ToolDraft): ToolDraft | LeftOut {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    return { operation: key, place, reason: error.message };
  }
}
