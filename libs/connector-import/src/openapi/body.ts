import { cleaned, type ArgumentSet } from '../arguments.js';
import type { Note } from '../draft.js';
import { Unfit } from '../import-error.js';
import { own, ownNode, type Node } from '../node.js';
import { shallow, typesOf } from '../schema/shallow.js';
import { requiredOf, type Simplifier } from '../schema/simplify.js';
import { variantsOf } from '../schema/variants.js';
import { plain } from '../text.js';
import type { OpenApiDocument } from './document.js';

interface BodyContext {
  readonly document: OpenApiDocument;
  readonly args: ArgumentSet;
  readonly simplifier: Simplifier;
  readonly notes: Note[];
  /** Members that pagination sets. */
  readonly paged: ReadonlySet<string>;
}

/** What a request holds as its body: members of `request`. */
export type Body = Readonly<Record<string, unknown>>;

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/i;
const FORM = 'application/x-www-form-urlencoded';
const MULTIPART = 'multipart/form-data';
/** Sent as they come; of the rest nobody knows what a text would have to look like. */
const UPLOADS =
  /^(?:text\/[\w.+-]+|application\/octet-stream|\*\/\*|image\/[\w.+*-]+|audio\/[\w.+*-]+|video\/[\w.+*-]+|application\/(?:pdf|zip|gzip|xml|x-ndjson))$/i;

/** @throws Unfit where the operation needs a body that tools don't send */
export function addBody(written: unknown, method: string, context: BodyContext): Body {
  const body = context.document.node(written);
  if (written === undefined) return {};
  if (body === undefined) throw new Unfit('its body is described in another document');
  const isRequired = body['required'] === true;
  const content = ownNode(body, 'content');
  if (method === 'GET') {
    if (isRequired) throw new Unfit('a GET has no body, and it needs one');
    context.notes.push({ kind: 'body', at: '/request', detail: 'the body was left out: a GET has none' });
    return {};
  }
  const types = Object.keys(content).map((type) => [type, type.split(';')[0]?.trim().toLowerCase() ?? ''] as const);
  const find = (fits: (type: string) => boolean) => types.find(([, type]) => fits(type));
  const json = find((type) => type === 'application/json') ?? find((type) => JSON_TYPE.test(type));
  const chosen =
    json ?? find((type) => type === FORM) ?? find((type) => type === MULTIPART) ?? find((type) => UPLOADS.test(type));
  if (chosen === undefined) {
    const names = types.map(([type]) => cleaned(type)).join(', ');
    if (!isRequired && types.length === 0) return {};
    throw new Unfit(`tools send no ${names === '' ? 'body of an unknown kind' : names}`);
  }
  const [key, type] = chosen;
  const schema = own(content[key], 'schema') ?? {};
  if (type === FORM) return { form: new Members(context, isRequired).form(schema) };
  if (type === MULTIPART) return { multipart: new Members(context, isRequired).multipart(schema) };
  if (json === undefined) return { upload: upload(type, isRequired, body, context) };
  const headers = type === 'application/json' ? {} : { headers: { 'content-type': type } };
  return { body: new Members(context, isRequired).json(schema, body), ...headers };
}

function upload(type: string, isRequired: boolean, body: Node, { args, notes }: BodyContext): Record<string, unknown> {
  const isText = type.startsWith('text/') || /xml|ndjson/.test(type);
  const mediaType = type.includes('*') ? 'application/octet-stream' : type;
  const name = args.nameFor('body', 'content');
  const what = plain(body['description'], 150) ?? 'The content';
  args.set(name, { type: 'string', description: isText ? what : `${what} (base64)` }, isRequired);
  notes.push({ kind: 'body', at: '/request/upload', detail: `sent as ${mediaType}, ${isText ? 'as text' : 'from base64'}` });
  return { content: `$.${name}`, type: mediaType, encoding: isText ? 'text' : 'base64' };
}

/** The members of a body as arguments beside the others. */
class Members {
  constructor(
    private readonly context: BodyContext,
    private readonly isRequired: boolean,
  ) {}

  json(schema: unknown, body: Node): unknown {
    const { notes, args, simplifier } = this.context;
    const object = this.#object(schema);
    const names = object === undefined ? [] : this.#names(object);
    // A single `$expr` would be read as an expression.
    if (object === undefined || names.length === 0 || names.includes('$expr')) {
      const name = args.nameFor('body', 'body');
      const described = plain(body['description'], 200);
      const simple = simplifier.simplify(schema, `/input/properties/${name}`);
      args.set(name, { ...(described === undefined ? {} : { description: described }), ...simple }, this.isRequired);
      notes.push({ kind: 'body', at: '/request/body', detail: 'one argument is the whole body: it has no members of its own' });
      return `$.${name}`;
    }
    const [only] = names;
    const inner = names.length === 1 && only !== undefined ? this.#object(ownNode(object, 'properties')[only]) : undefined;
    const innerNames = inner === undefined ? [] : this.#names(inner);
    if (inner !== undefined && only !== undefined && innerNames.length > 0 && !innerNames.includes('$expr')) {
      notes.push({
        kind: 'body',
        at: '/request/body',
        detail: `what is inside of "${cleaned(only)}" stands beside the other arguments`,
      });
      return { [only]: this.#mapped(inner, innerNames) };
    }
    return this.#mapped(object, names);
  }

  form(schema: unknown): Record<string, unknown> {
    const object = this.#object(schema) ?? {};
    return this.#mapped(
      object,
      this.#names(object).filter((name) => this.#isSendable(object, name)),
    );
  }

  multipart(schema: unknown): unknown[] {
    const object = this.#object(schema) ?? {};
    const names = this.#names(object).filter((name) => this.#isSendable(object, name));
    if (names.length === 0 || names.length > 50) throw new Unfit('what its multipart body holds is not described, or too much');
    const required = this.isRequired ? requiredOf(object, names) : [];
    return names.map((name) =>
      this.#part(
        name,
        shallow(ownNode(object, 'properties')[name], this.context.simplifier.resolve).schema,
        required.includes(name),
      ),
    );
  }

  #part(name: string, schema: Node, isRequired: boolean): Record<string, unknown> {
    const { args, simplifier, notes } = this.context;
    const argument = args.nameFor('body', name);
    const at = `/input/properties/${argument}`;
    if (!isFile(schema)) {
      args.set(argument, simplifier.simplify(schema, at), isRequired);
      return { name, value: `$.${argument}` };
    }
    const filename = args.nameFor('body', `${name}_filename`);
    args.set(
      argument,
      { type: 'string', description: `${plain(schema['description'], 150) ?? 'The file'} (base64)` },
      isRequired,
    );
    args.set(filename, { type: 'string', description: 'Name of the file' }, false);
    notes.push({ kind: 'body', at, detail: 'a file, sent from base64' });
    return { name, file: `$.${argument}`, filename: `$.${filename}`, encoding: 'base64' };
  }

  #mapped(object: Node, names: readonly string[]): Record<string, unknown> {
    const { args, simplifier } = this.context;
    const required = this.isRequired ? requiredOf(object, names) : [];
    const properties = ownNode(object, 'properties');
    return Object.fromEntries(
      names.map((name) => {
        const argument = args.nameFor('body', name);
        args.set(argument, simplifier.simplify(properties[name], `/input/properties/${argument}`), required.includes(name));
        return [name, `$.${argument}`];
      }),
    );
  }

  #names(object: Node): string[] {
    return this.context.simplifier.namesOf(object, '/input').filter((name) => !this.context.paged.has(name));
  }

  /** Undefined where it is no object with members that are known. */
  #object(schema: unknown): Node | undefined {
    const { simplifier, notes } = this.context;
    const found = shallow(schema, simplifier.resolve).schema;
    const chosen = variantsOf(found, simplifier.resolve, (detail) => notes.push({ kind: 'body', at: '/request/body', detail }));
    const isObject = typesOf(chosen.schema).types.join() === 'object' && chosen.anyOf.length === 0;
    return isObject && Object.keys(ownNode(chosen.schema, 'properties')).length > 0 ? chosen.schema : undefined;
  }

  /** A field of a form is a text, or several. */
  #isSendable(object: Node, name: string): boolean {
    const { simplifier, notes } = this.context;
    const found = shallow(ownNode(object, 'properties')[name], simplifier.resolve).schema;
    const items = shallow(found['items'], simplifier.resolve).schema;
    const isFit =
      !typesOf(found).types.includes('object') &&
      !typesOf(items).types.includes('object') &&
      !isFile(items) &&
      name.length <= 128;
    if (isFit) return true;
    if (this.isRequired && requiredOf(object, [name]).length > 0)
      throw new Unfit(`its form needs "${cleaned(name)}", which is no text`);
    notes.push({ kind: 'body', at: '/request', detail: `the field "${cleaned(name)}" was left out: it is no text` });
    return false;
  }
}

/** OpenAPI 3.0 says `format`, 3.1 the media type, 2.0 the type. */
function isFile(schema: Node): boolean {
  if (schema['type'] === 'file' || schema['format'] === 'binary') return true;
  return typeof schema['contentMediaType'] === 'string' && schema['contentEncoding'] === undefined;
}
