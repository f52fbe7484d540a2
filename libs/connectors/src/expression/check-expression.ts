import jsonata from 'jsonata';
import safeRegex from 'safe-regex2';
import { ownFunctions } from './own-functions.js';

const MAX_REGEX_LENGTH = 500;

/** What the language brings along, without `eval`: what that evaluates nobody would have seen. */
const BUILT_IN =
  'sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad match contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs sqrt power random boolean not map zip filter single reduce sift keys lookup append exists spread merge reverse each error assert type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl toMillis fromMillis clone now millis';
const FUNCTIONS: ReadonlySet<string> = new Set([...BUILT_IN.split(' '), ...ownFunctions.map(({ name }) => name)]);

/** What an expression reads, as far as its text tells. */
export interface Reads {
  /** Members of the context itself, not of what it leads to. */
  readonly names: ReadonlySet<string>;
  /** Members of a bound variable: `$args.a` gives args → a. */
  readonly members: ReadonlyMap<string, ReadonlySet<string>>;
  /** Variables that are read as a whole; the empty text is the context. */
  readonly wholes: ReadonlySet<string>;
}

type Node = Readonly<Record<string, unknown>>;

/**
 * What is wrong with a text as an expression, or what it reads. Refused are also names that nothing has, and patterns that a text
 * could keep busy for long.
 *
 * @param bound names of the variables that will be there
 */
export function checkExpression(text: string, bound: ReadonlySet<string>): Reads | { problem: string } {
  try {
    return new Reader(bound).read(jsonata(text).ast() as unknown as Node);
  } catch (error) {
    if (error instanceof Problem) return { problem: error.message };
    const { message, position } = error as { message?: unknown; position?: unknown };
    return { problem: `not a JSONata expression: ${String(message)} (at character ${String(position)})` };
  }
}

class Problem extends Error {}

class Reader {
  readonly #own = new Set<string>();
  readonly #names = new Set<string>();
  readonly #members = new Map<string, Set<string>>();
  readonly #wholes = new Set<string>();

  constructor(private readonly bound: ReadonlySet<string>) {}

  read(tree: Node): Reads {
    this.#collect(tree);
    this.#visit(tree, true);
    return { names: this.#names, members: this.#members, wholes: this.#wholes };
  }

  /** Variables that the expression itself makes. */
  #collect(node: Node): void {
    if (node['type'] === 'bind') this.#own.add(String((node['lhs'] as Node)['value']));
    if (node['type'] === 'lambda') for (const argument of node['arguments'] as Node[]) this.#own.add(String(argument['value']));
    if (typeof node['focus'] === 'string') this.#own.add(node['focus']);
    if (typeof node['index'] === 'string') this.#own.add(node['index']);
    if (node['type'] === 'index') this.#own.add(String(node['value']));
    for (const child of childrenOf(node)) this.#collect(child);
  }

  /** @param atRoot whether names are members of the context that the whole expression works on */
  #visit(node: Node, atRoot: boolean): void {
    switch (node['type']) {
      case 'path':
        return this.#visitPath(node, atRoot);
      case 'name':
        if (atRoot) this.#names.add(String(node['value']));
        break;
      case 'wildcard':
      case 'descendant':
        if (atRoot) this.#wholes.add('');
        break;
      case 'variable':
        this.#visitVariable(String(node['value']), undefined, atRoot);
        break;
      case 'regex':
        checkRegex(node['value']);
        break;
      case 'transform':
        // Each of its parts works on what the pattern finds.
        this.#visit(node['pattern'] as Node, false);
        for (const child of childrenOf(node)) if (child !== node['pattern']) this.#visit(child, false);
        return;
    }
    for (const child of childrenOf(node)) this.#visit(child, atRoot && !isInner(node, child));
  }

  #visitPath(path: Node, atRoot: boolean): void {
    const steps = path['steps'] as Node[];
    for (const [index, step] of steps.entries()) {
      if (index === 0 && step['type'] === 'variable') {
        const next = steps[1];
        this.#visitVariable(String(step['value']), next?.['type'] === 'name' ? String(next['value']) : undefined, atRoot);
        for (const child of childrenOf(step)) this.#visit(child, false);
      } else this.#visit(step, atRoot && index === 0);
    }
    for (const [key, part] of Object.entries(path))
      if (key !== 'steps') for (const child of nodesIn(part)) this.#visit(child, false);
  }

  #visitVariable(name: string, member: string | undefined, atRoot: boolean): void {
    if (name === '' || name === '$') {
      // `$$` is the context of the whole wherever it stands, `$` only at the root.
      if (name === '' && !atRoot) return;
      if (member === undefined) this.#wholes.add('');
      else this.#names.add(member);
      return;
    }
    if (this.#own.has(name) || FUNCTIONS.has(name)) return;
    if (!this.bound.has(name)) throw new Problem(`there is no $${name} here`);
    if (member === undefined) this.#wholes.add(name);
    else this.#members.set(name, (this.#members.get(name) ?? new Set()).add(member));
  }
}

/** Filters and the like work on what stands before them. */
function isInner(node: Node, child: Node): boolean {
  return ['predicate', 'stages', 'group'].some((part) => nodesIn(node[part]).includes(child));
}

function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap(nodesIn);
}

function nodesIn(value: unknown): Node[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  return typeof value === 'object' && value !== null && !(value instanceof RegExp) ? [value as Node] : [];
}

function checkRegex(value: unknown): void {
  if (!(value instanceof RegExp)) return;
  if (value.source.length > MAX_REGEX_LENGTH || !safeRegex(value))
    throw new Problem(`the pattern /${value.source.slice(0, 60)}/ could take very long on some text`);
}
