import { isNode, own, ownNode, type Node } from '../node.js';
import { pointed } from '../schema/simplify.js';
import { shallow, typesOf, type Resolve } from '../schema/shallow.js';
import { schemaOf } from './parameter.js';

export interface Paging {
  /** Of the tool. */
  readonly definition: Record<string, unknown>;
  /** Parameters of the query that it sets. */
  readonly query: ReadonlySet<string>;
  /** Members of the body that it sets. */
  readonly body: ReadonlySet<string>;
  /** Why it was guessed. */
  readonly because: string;
}

interface Asked {
  readonly name: string;
  readonly schema: Node;
  readonly in: 'query' | 'body';
}

/** Compared without case and separators. */
const CURSORS = new Set(
  'cursor pagetoken nextpagetoken nexttoken startcursor nextcursor pagecursor continuationtoken continuation after offset startingafter bookmark'.split(
    ' ',
  ),
);
const NEXT = [
  'next_cursor',
  'nextCursor',
  'next_page_token',
  'nextPageToken',
  'nextToken',
  'next_token',
  'continuation_token',
  'cursor',
  'bookmark',
  'response_metadata/next_cursor',
  'meta/next_cursor',
  'meta/nextCursor',
  'pagination/next_cursor',
  'pagination/nextCursor',
  'paging/next/after',
  'paging/cursors/after',
  'next_page/offset',
  'page/next_cursor',
  'page_info/end_cursor',
  'pageInfo/endCursor',
  'cursors/after',
  'after',
];
const ADDRESSES = [
  '@odata.nextLink',
  'nextPage',
  'next_page',
  'next',
  'links/next',
  '_links/next/href',
  'paging/next',
  'pagination/next_page',
  'next_page_url',
  'nextPageUrl',
  'nextLink',
];
const MORE = ['has_more', 'hasMore', 'has_next_page', 'pageInfo/hasNextPage', 'page_info/has_next_page', 'pagination/has_more'];
const SIZES = new Set('perpage pagesize limit maxresults count top first size resultsperpage itemsperpage max'.split(' '));
const PAGES = new Set(['page', 'pagenumber', 'pageno']);
const OFFSETS = new Set('offset startat skip start startindex'.split(' '));
const LISTS = ['items', 'data', 'results', 'values', 'value', 'records', 'entries', 'list', 'resources', 'nodes'];
const MAX_SIZE = 100;

/** How the pages of a listing follow each other, as far as parameters and answer say so. */
export class PagingGuess {
  constructor(private readonly resolve: Resolve) {}

  /**
   * @param body schema of the request's JSON body, of a read that has one
   * @param hasLink whether the answer has a `Link` header
   */
  of(parameters: readonly Node[], body: unknown, answer: unknown, hasLink: boolean): Paging | undefined {
    const asked = [...this.#inQuery(parameters), ...this.#inBody(body)];
    const found = this.#flat(answer);
    const items = this.#items(found, answer);
    if (items === undefined) return undefined;
    const size =
      asked.find(({ name, schema }) => SIZES.has(bare(name)) && typesOf(schema).types.join() === 'integer') ??
      asked.find(({ name, schema }) => SIZES.has(bare(name)) && typesOf(schema).types.join() === 'number');
    const style =
      this.#cursor(asked, found) ??
      this.#address(asked, found) ??
      this.#link(asked, hasLink) ??
      this.#counted(asked, PAGES, 'page') ??
      this.#counted(asked, OFFSETS, 'offset');
    if (style === undefined) return undefined;
    // A size alone, with nothing that leads on, are no pages.
    const used = [...style.used, ...(size === undefined ? [] : [size])];
    const more = this.#first(found, MORE, (schema) => typesOf(schema).types.includes('boolean'));
    return {
      definition: {
        ...style.definition,
        items,
        ...(more === undefined ? {} : { more }),
        ...(size === undefined ? {} : { size: sizeOf(size) }),
      },
      query: new Set(used.filter((each) => each.in === 'query').map(({ name }) => name)),
      body: new Set(used.filter((each) => each.in === 'body').map(({ name }) => name)),
      because: `${style.because}; items at ${items === '' ? 'the top' : items}${size === undefined ? '' : `; size by ${size.name}`}`,
    };
  }

  #inQuery(parameters: readonly Node[]): Asked[] {
    return parameters
      .filter((parameter) => parameter['in'] === 'query' && isPlace(String(parameter['name'] ?? '')))
      .map((parameter) => ({ name: String(parameter['name']), schema: this.#flat(schemaOf(parameter)), in: 'query' }));
  }

  #inBody(body: unknown): Asked[] {
    if (body === undefined) return [];
    const members = Object.entries(ownNode(this.#flat(body), 'properties')).filter(([name]) => isPlace(name));
    return members.map(([name, schema]) => ({
      name,
      schema: this.#flat(schema),
      in: 'body',
    }));
  }

  #flat(schema: unknown): Node {
    return shallow(schema, this.resolve).schema;
  }

  /** The list of the answer: the whole, a member that lists are often called, or the only list of objects. */
  #items(answer: Node, written: unknown): string | undefined {
    if (written === undefined) return undefined;
    if (typesOf(answer).types.join() === 'array') return '';
    const members = Object.entries(ownNode(answer, 'properties')).map(([name, schema]) => [name, this.#flat(schema)] as const);
    const lists = members.filter(([, schema]) => typesOf(schema).types.includes('array'));
    const usual = LISTS.find((name) => lists.some(([list]) => list === name));
    if (usual !== undefined) return `/${usual}`;
    const ofObjects = lists.filter(
      ([, schema]) => typesOf(this.#flat(schema['items'])).types.includes('object') || lists.length === 1,
    );
    const [only] = ofObjects;
    return ofObjects.length === 1 && only !== undefined && isPlace(only[0]) ? `/${pointed(only[0])}` : undefined;
  }

  #cursor(asked: readonly Asked[], answer: Node): Style | undefined {
    const next = this.#first(
      answer,
      NEXT,
      (schema) => !typesOf(schema).types.some((type) => type === 'object' || type === 'array' || type === 'boolean'),
    );
    const isText = ({ schema }: Asked) => !typesOf(schema).types.some((type) => type === 'integer' || type === 'number');
    const cursor = asked.find((each) => CURSORS.has(bare(each.name)) && isText(each));
    if (next === undefined || cursor === undefined) return undefined;
    return {
      definition: { style: 'cursor', next, into: into(cursor) },
      used: [cursor],
      because: `${cursor.name} takes what ${next} gives`,
    };
  }

  #address(asked: readonly Asked[], answer: Node): Style | undefined {
    const next = this.#first(answer, ADDRESSES, (schema) => typesOf(schema).types.join() === 'string');
    if (next === undefined || asked.some((each) => each.in === 'body')) return undefined;
    const used = asked.filter(({ name }) => PAGES.has(bare(name)) || OFFSETS.has(bare(name)) || CURSORS.has(bare(name)));
    return { definition: { style: 'url', next }, used, because: `${next} seems to be the address of the next page` };
  }

  #link(asked: readonly Asked[], hasLink: boolean): Style | undefined {
    const used = asked.filter(
      ({ name }) => PAGES.has(bare(name)) || bare(name) === 'cursor' || bare(name) === 'after' || bare(name) === 'before',
    );
    const hasSize = asked.some(({ name }) => SIZES.has(bare(name)));
    if (!hasLink || (used.length === 0 && !hasSize)) return undefined;
    return { definition: { style: 'link' }, used, because: 'the answer has a Link header' };
  }

  #counted(asked: readonly Asked[], names: ReadonlySet<string>, style: 'page' | 'offset'): Style | undefined {
    const found = asked.find(
      ({ name, schema }) =>
        names.has(bare(name)) && typesOf(schema).types.some((type) => type === 'integer' || type === 'number'),
    );
    if (found === undefined) return undefined;
    const isFromZero = found.schema['default'] === 0 || found.schema['minimum'] === 0;
    const first = style === 'page' && isFromZero ? { first: 0 } : {};
    return {
      definition: { style, ...first, into: into(found) },
      used: [found],
      because: `${found.name} counts ${style === 'page' ? 'pages' : 'items'}`,
    };
  }

  #first(answer: Node, places: readonly string[], fits: (schema: Node) => boolean): string | undefined {
    return places
      .find((place) => {
        let node: Node | undefined = answer;
        for (const name of place.split('/')) {
          const member: unknown = own(ownNode(node, 'properties'), name);
          if (!isNode(member)) return false;
          node = this.#flat(member);
        }
        return fits(node);
      })
      ?.replace(/^/, '/');
  }
}

interface Style {
  readonly definition: Record<string, unknown>;
  readonly used: readonly Asked[];
  readonly because: string;
}

function into({ name, in: place }: Asked): Record<string, string> {
  return place === 'query' ? { query: name } : { body: `/${pointed(name)}` };
}

function sizeOf(size: Asked): Record<string, unknown> {
  const { maximum, default: usual } = size.schema;
  const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value > 0;
  const max = isCount(maximum) ? Math.min(maximum, 10_000) : MAX_SIZE;
  return { into: into(size), max, default: Math.min(isCount(usual) ? usual : 50, max, 1000) };
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, '');
}

function isPlace(name: string): boolean {
  return name !== '' && name !== '__proto__' && name.length <= 100;
}
