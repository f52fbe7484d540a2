import { cleaned, type ArgumentSet, type Place } from '../arguments.js';
import type { Note } from '../draft.js';
import { Unfit } from '../import-error.js';
import { isNode, own, ownNode, ownText, type Node } from '../node.js';
import { isPlain } from '../schema/keywords.js';
import { shallow, typesOf } from '../schema/shallow.js';
import type { Simplifier } from '../schema/simplify.js';
import { looksLikeCredential } from '../sensitive.js';
import { plain } from '../text.js';

/** Set by the protocol, by the executor, or by whom the message goes through: OpenAPI 3.1 section 4.8.12, RFC 9110 section 7.6.1. */
const NOT_OURS =
  /^(?:accept|content-type|authorization|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|host|content-length|content-encoding|accept-encoding|expect|cookie|traceparent|tracestate|baggage|forwarded|x-forwarded-.*|keyward-.*|user-agent)$/i;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;

/** Where parameters go: name as the API knows it → mapping. */
export interface Mappings {
  readonly params: Record<string, unknown>;
  readonly query: Record<string, unknown>;
  readonly headers: Record<string, unknown>;
}

export interface ParameterContext {
  readonly args: ArgumentSet;
  readonly simplifier: Simplifier;
  readonly notes: Note[];
  /** Name of the credential's place in a query or a header. */
  readonly credential: { readonly in: string; readonly name: string };
  readonly mappings: Mappings;
}

/** Adds what stands in the query or a header. @throws Unfit where it is needed and can't be sent */
export function addParameter(parameter: Node, context: ParameterContext): void {
  const name = ownText(parameter, 'name') ?? '';
  const place = parameter['in'];
  const isRequired = parameter['required'] === true;
  const drop = (why: string) => leaveOut(name, why, isRequired, context);
  if (place === 'cookie') return drop('tools send no cookies');
  if (place !== 'query' && place !== 'header') return drop(`there is no place "${String(place).slice(0, 40)}"`);
  if (place === 'header' && NOT_OURS.test(name)) return undefined;
  if (name === '' || name.length > 128 || !name.isWellFormed() || name === '__proto__') return drop('its name is none');
  if (place === 'header' && !FIELD_NAME.test(name)) return drop('its name is no field name');
  if (context.credential.in === place && context.credential.name.toLowerCase() === name.toLowerCase()) return undefined;
  if (looksLikeCredential(name)) {
    context.notes.push({
      kind: 'arguments',
      at: '/input',
      detail: `${place} parameter "${cleaned(name)}" was left out: it looks like the credential`,
    });
    return undefined;
  }
  const target = place === 'query' ? context.mappings.query : context.mappings.headers;
  const key = place === 'query' ? name : name.toLowerCase();
  const schema = schemaOf(parameter);
  const literal = literalOf(schema, isRequired, place, context);
  if (literal !== undefined) {
    target[key] = typeof literal === 'string' && literal.startsWith('$') ? `$${literal}` : literal;
    if (place === 'header')
      context.notes.push({ kind: 'arguments', at: `/request/headers/${key}`, detail: `always says ${JSON.stringify(literal)}` });
    return undefined;
  }
  const found = shallow(schema, context.simplifier.resolve).schema;
  if (typesOf(found).types.join() === 'object' && parameter['content'] === undefined)
    return place === 'query' ? addMembers(name, parameter, found, context, drop) : drop('an object has no form in a header');
  const argument = context.args.nameFor(place, name);
  context.args.set(
    argument,
    described(context.simplifier.simplify(schema, `/input/properties/${argument}`), parameter),
    isRequired,
  );
  target[key] = mappingOf(argument, parameter, found);
  return undefined;
}

function leaveOut(name: string, why: string, isRequired: boolean, { notes }: ParameterContext): void {
  if (isRequired) throw new Unfit(`it needs the parameter "${cleaned(name)}", and ${why}`);
  notes.push({ kind: 'arguments', at: '/input', detail: `the parameter "${cleaned(name)}" was left out: ${why}` });
}

/** An object in a query: one parameter per member (OpenAPI 3.1 section 4.8.12.2, styles `form` exploded and `deepObject`). */
function addMembers(name: string, parameter: Node, schema: Node, context: ParameterContext, drop: (why: string) => void): void {
  const isDeep = parameter['style'] === 'deepObject';
  const members = context.simplifier.namesOf(schema, '/input');
  if (members.length === 0) return drop('an object of any members has no form in a query');
  if (!isDeep && parameter['explode'] === false) return drop('an object in one parameter has no form that tools send');
  for (const member of members) {
    const inner = shallow(ownNode(schema, 'properties')[member], context.simplifier.resolve).schema;
    if (typesOf(inner).types.includes('object')) continue;
    const key = isDeep ? `${name}[${member}]` : member;
    if (key.length > 128 || Object.hasOwn(context.mappings.query, key)) continue;
    const argument = context.args.nameFor('query', key);
    context.args.set(argument, context.simplifier.simplify(inner, `/input/properties/${argument}`), false);
    context.mappings.query[key] = `$.${argument}`;
  }
}

/** OpenAPI 3; a description of 2.0 has been made one. */
export function schemaOf(parameter: Node): unknown {
  if (parameter['schema'] !== undefined) return parameter['schema'];
  const [media] = Object.values(ownNode(parameter, 'content'));
  return own(media, 'schema') ?? {};
}

export function described(schema: Record<string, unknown>, parameter: Node): Record<string, unknown> {
  const description = plain(parameter['description'], 200);
  if (description === undefined) return schema;
  const { type, ...rest } = schema;
  return { ...(type === undefined ? {} : { type }), ...rest, description };
}

/** What has only one value, and a header that says which version of the API is meant, nobody needs to fill. */
function literalOf(
  schema: unknown,
  isRequired: boolean,
  place: Place,
  { simplifier }: ParameterContext,
): string | number | boolean | undefined {
  // A version is what a header with a default says; nobody has to fill it.
  if (!isRequired && place !== 'header') return undefined;
  const found = shallow(schema, simplifier.resolve).schema;
  const values = 'const' in found ? [found['const']] : Array.isArray(found['enum']) ? found['enum'] : [];
  const value = values.length === 1 && isRequired ? values[0] : place === 'header' ? found['default'] : undefined;
  if (!isPlain(value) || value === null) return undefined;
  return place === 'header' && !/^[\x20-\x7e]*$/.test(String(value)) ? undefined : value;
}

const SEPARATORS: Readonly<Record<string, string>> = { spaceDelimited: ' ', pipeDelimited: '|' };

/** Lists are sent as one name per item, or in one text (`explode: false`). */
export function mappingOf(argument: string, parameter: Node, schema: Node): unknown {
  if (isNode(parameter['content'])) return { $expr: `$exists(\`${argument}\`) ? $string(\`${argument}\`)` };
  const style = typeof parameter['style'] === 'string' ? parameter['style'] : '';
  const isOneText = parameter['in'] !== 'query' || parameter['explode'] === false || Object.hasOwn(SEPARATORS, style);
  if (!isOneText || !typesOf(schema).types.includes('array')) return `$.${argument}`;
  const separator = Object.hasOwn(SEPARATORS, style) ? SEPARATORS[style] : ',';
  return { $expr: `$exists(\`${argument}\`) ? $join(\`${argument}\`.$string($), "${separator}")` };
}
