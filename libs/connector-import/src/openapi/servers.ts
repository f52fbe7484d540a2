import type { Note } from '../draft.js';
import { ImportError, Unfit } from '../import-error.js';
import { ownNode, ownText, type Node } from '../node.js';
import { wordsOf } from '../names/words.js';
import { plain } from '../text.js';

export interface Server {
  /** Without a slash at its end; `${connection.…}` may stand in its host. */
  readonly base: string;
  readonly origin: string;
  readonly parameters: Node;
  readonly notes: readonly Note[];
}

/** Where the API is: what was asked for, or the first server of the description that is no plain http. */
export function serverOf(servers: readonly unknown[], asked: string | undefined, source: string | undefined): Server {
  if (asked !== undefined) return { ...addressed(asked, asked), parameters: {}, notes: [] };
  const urls = servers.map((server) => ownText(server, 'url') ?? '').filter((url) => url !== '');
  const at = Math.max(
    0,
    urls.findIndex((url) => url.startsWith('https:')),
  );
  const url = urls[at] ?? '/';
  const filled = fill(url, ownNode(servers[at], 'variables'));
  if (!/^[a-z]+:\/\//i.test(filled.url) && source === undefined)
    throw new ImportError('The description does not say where the API is.', 'Say it: --base-url https://api.example.com');
  const secured = filled.url.replace(/^http:\/\/(?!(?:localhost|127\.|\[::1\]))/i, 'https://');
  const notes = [
    ...filled.notes,
    ...(secured === filled.url ? [] : [note('/base_url', 'the description says http, this says https')]),
    ...(urls.length > 1 ? [note('/base_url', `the description has ${urls.length} servers; this is the first of them`)] : []),
  ];
  const { base, origin } = addressed(absolute(secured, source), url);
  return { base, origin, parameters: filled.parameters, notes };
}

/** `${…}` is no part of a URL: it is away while the address is taken apart. */
function addressed(text: string, written: string): { base: string; origin: string } {
  const held = text.replaceAll(REFERENCE, (_all, name: string) => `${name.replaceAll('_', '-')}.held`);
  const url = URL.canParse(held) ? new URL(held) : undefined;
  const isAllowed =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname));
  if (
    url === undefined ||
    !isAllowed ||
    url.username !== '' ||
    url.password !== '' ||
    url.search !== '' ||
    url.hash !== '' ||
    /%|\/\//.test(url.pathname)
  )
    throw new ImportError(
      `${JSON.stringify(written.slice(0, 200))} is no address of an API: it must be https, without user name, query and fragment.`,
      'Say where the API is: --base-url https://api.example.com/v1',
    );
  const references = new Map([...text.matchAll(REFERENCE)].map(([all, name = '']) => [`${name.replaceAll('_', '-')}.held`, all]));
  const back = (part: string) =>
    [...references].reduce((done, [placeholder, reference]) => done.replace(placeholder, () => reference), part);
  return { base: back(url.href.replace(/\/+$/, '')), origin: back(url.origin) };
}

const REFERENCE = /\$\{connection\.([a-z0-9_]+)\}/g;

function absolute(url: string, source: string | undefined): string {
  if (/^[a-z]+:\/\//i.test(url) || source === undefined) return url;
  return new URL(url, source).href;
}

interface Filled {
  url: string;
  parameters: Record<string, unknown>;
  notes: Note[];
}

/** A label of the host that may be anything differs from one connection to the next; other variables have their default. */
function fill(url: string, variables: Node): Filled {
  const filled: Filled = { url, parameters: {}, notes: [] };
  for (const [, name = ''] of url.matchAll(/\{([^{}]*)\}/g)) {
    const variable = ownNode(variables, name);
    const fallback = ownText(variable, 'default');
    const placeholder = `{${name}}`;
    const isLabel = isLabelOf(url, placeholder);
    if (isLabel && !Array.isArray(variable['enum'])) {
      const parameter =
        wordsOf(name)
          .join('_')
          .replace(/^[^a-z]+/, '')
          .slice(0, 32) || 'tenant';
      filled.url = filled.url.replace(placeholder, () => `\${connection.${parameter}}`);
      const description = plain(variable['description'], 300);
      filled.parameters[parameter] = {
        title: plain(name, 80) ?? parameter,
        type: 'label',
        ...(description === undefined ? {} : { description }),
      };
      filled.notes.push(note(`/connection_parameters/${parameter}`, 'whoever connects is asked for this part of the address'));
    } else if (fallback === undefined) {
      throw new ImportError(
        `The address of the API has a part "${name.slice(0, 60)}" that has no default.`,
        'Say the whole address: --base-url https://api.example.com',
      );
    } else {
      filled.url = filled.url.replace(placeholder, () => fallback);
      filled.notes.push(note('/base_url', `${placeholder} is ${JSON.stringify(fallback.slice(0, 100))}, the default`));
    }
  }
  return filled;
}

/** Whether it is a label of the host, with a domain behind it. */
function isLabelOf(url: string, placeholder: string): boolean {
  const at = url.indexOf(placeholder);
  return /^https?:\/\/(?:[^/]*\.)?$/i.test(url.slice(0, at)) && url.startsWith('.', at + placeholder.length);
}

function note(at: string, detail: string): Note {
  return { kind: 'address', at, detail };
}

/** Bases of operations that are elsewhere below the same origin. */
export class Bases {
  readonly #names = new Map<string, string>();

  constructor(private readonly main: Server) {}

  /**
   * @returns name of the base, undefined for the main one
   * @throws Unfit where it is another origin: the credential would go there without anybody having said so
   */
  nameOf(servers: readonly unknown[], source: string | undefined): string | undefined {
    if (servers.length === 0) return undefined;
    const { base, origin } = this.#read(servers, source);
    if (base === this.main.base) return undefined;
    if (origin !== this.main.origin)
      throw new Unfit(
        `its server ${origin.slice(0, 200)} is not that of the API (${this.main.origin}): the credential would go there`,
      );
    const known = this.#names.get(base);
    if (known !== undefined) return known;
    const words = wordsOf(new URL(base.replaceAll(REFERENCE, 'x')).pathname)
      .join('_')
      .replace(/^[^a-z]+/, '');
    const plainName = (words || 'base').slice(0, 28);
    const taken = new Set(this.#names.values());
    let name = plainName;
    for (let round = 2; taken.has(name); round++) name = `${plainName}_${round}`;
    this.#names.set(base, name);
    return name;
  }

  /** Of connector.yaml. */
  declared(): Record<string, string> {
    return Object.fromEntries([...this.#names].map(([base, name]) => [name, base]));
  }

  #read(servers: readonly unknown[], source: string | undefined): Server {
    try {
      return serverOf(servers, undefined, source);
    } catch (error) {
      throw error instanceof ImportError ? new Unfit(`its server is none that can be reached: ${error.message}`) : error;
    }
  }
}
