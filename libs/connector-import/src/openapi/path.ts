import { Unfit } from '../import-error.js';
import { isNode, ownText, type Node } from '../node.js';
import { shallow, typesOf } from '../schema/shallow.js';
import { described, mappingOf, schemaOf, type ParameterContext } from './parameter.js';

/** RFC 3986 section 3.3, without `%`. */
const LITERAL = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/;

/** The path as a template of the tool's own arguments. @throws Unfit where no request could have it */
export function addPath(path: string, parameters: readonly Node[], context: ParameterContext): string {
  const parts = path.split(/\{([^{}]*)\}/);
  const literals = parts.filter((_part, index) => index % 2 === 0);
  if (path.length > 900 || !literals.every((literal) => LITERAL.test(literal)))
    throw new Unfit('its path holds characters that a path can not have as they are');
  if (/\/\/|\/\.{1,2}(\/|$)/.test(literals.join('x'))) throw new Unfit('its path has empty or dot segments');
  const names = new Map<string, string>();
  return parts
    .map((part, index) => {
      if (index % 2 === 0) return part;
      const written = part.replace(/^\+|\*$/g, '');
      const declared = parameters.find((parameter) => parameter['in'] === 'path' && parameter['name'] === written) ?? {};
      const name = names.get(written) ?? addPart(written, declared, context);
      names.set(written, name);
      const isSeveral = (part !== written || declared['x-multi-segment'] === true) && parts[index - 1]?.endsWith('/') === true;
      return `{${isSeveral ? '+' : ''}${name}}`;
    })
    .join('');
}

function addPart(written: string, declared: Node, context: ParameterContext): string {
  const { args, simplifier, notes, mappings } = context;
  if (written === '') throw new Unfit('its path has a part without a name');
  const schema = schemaOf(declared);
  const found = shallow(schema, simplifier.resolve).schema;
  const { types } = typesOf(found);
  if (types.includes('object')) throw new Unfit('an object stands in its path');
  const name = args.nameFor('path', written);
  const at = `/input/properties/${name}`;
  if (ownText(declared, 'name') === undefined)
    notes.push({ kind: 'arguments', at, detail: 'is in the path and nowhere else: any text is taken' });
  const simple = isNode(schema) && Object.keys(schema).length > 0 ? simplifier.simplify(schema, at) : { type: 'string' };
  args.set(name, described(notNull(simple), declared), true);
  if (types.includes('array')) mappings.params[name] = mappingOf(name, declared, found);
  return name;
}

function notNull(schema: Record<string, unknown>): Record<string, unknown> {
  const { type } = schema;
  return Array.isArray(type) && type.includes('null') ? { ...schema, type: type.filter((each) => each !== 'null') } : schema;
}
