import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { plain } from '../text.js';
import { hasDefault, isCurrent } from './current.js';

const SCALARS: Readonly<Record<string, object>> = {
  Int: { type: 'integer' },
  Float: { type: 'number' },
  Boolean: { type: 'boolean' },
  String: { type: 'string' },
  ID: { type: 'string' },
};
const REFERENCE = '#/inputs/';

/** A type of arguments as a JSON Schema; input objects are references that `resolveInput` follows. */
export function schemaOfInput(type: GraphQLInputType): Record<string, unknown> {
  if (isNonNullType(type)) return schemaOfInput(type.ofType as GraphQLInputType);
  if (isListType(type)) return { type: 'array', items: schemaOfInput(type.ofType as GraphQLInputType) };
  const named = getNamedType(type);
  if (isInputObjectType(named)) return { $ref: `${REFERENCE}${named.name}` };
  if (isEnumType(named))
    return {
      type: 'string',
      enum: named
        .getValues()
        .filter(isCurrent)
        .map(({ name }) => name),
    };
  const known = Object.hasOwn(SCALARS, named.name) ? SCALARS[named.name] : undefined;
  if (known !== undefined) return { ...known };
  // Nobody but the API knows what a scalar of its own looks like.
  if (/json|object|map|any/i.test(named.name)) return { description: named.name };
  return { type: 'string', description: plain(named.description, 150) ?? named.name };
}

export function resolveInput(schema: GraphQLSchema): (reference: string) => unknown {
  return (reference) => {
    const type = reference.startsWith(REFERENCE) ? schema.getType(reference.slice(REFERENCE.length)) : undefined;
    if (!isInputObjectType(type)) return undefined;
    const fields = Object.values(type.getFields()).filter(isCurrent);
    const required = fields.filter((field) => isNonNullType(field.type) && !hasDefault(field));
    return {
      type: 'object',
      properties: Object.fromEntries(
        fields.map(({ name, type: of, description }) => [name, withDescription(schemaOfInput(of), description)]),
      ),
      required: required.map(({ name }) => name),
    };
  };
}

export function withDescription(schema: Record<string, unknown>, description: unknown): Record<string, unknown> {
  return typeof description === 'string' && description !== '' ? { ...schema, description } : schema;
}
