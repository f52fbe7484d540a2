import {
  getNamedType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
} from 'graphql';

import { hasDefault, isCurrent } from './current.js';

type Field = GraphQLField<unknown, unknown>;

export interface Width {
  /** Fields without fields of their own, of the thing itself. */
  readonly leaves: number;
  /** Things beside it, and how many fields of each. */
  readonly beside: number;
  readonly ofBeside: number;
}

/** What tells most of a thing that is only mentioned. */
const TELLING = ['id', 'key', 'identifier', 'name', 'displayName', 'title', 'url', 'email', 'state', 'status', 'type'];

export interface Connection {
  /** Below the field: `nodes`, or `edges` with a `node` in each. */
  readonly items: 'nodes' | 'edges';
  readonly of: GraphQLNamedType;
}

/** Whether a type is a connection of the GraphQL Cursor Connections Specification, or one with `nodes`. */
export function connectionOf(type: GraphQLOutputType): Connection | undefined {
  const named = getNamedType(type);
  if (!isObjectType(named)) return undefined;
  const { nodes, edges, pageInfo } = named.getFields();
  const info = pageInfo === undefined ? undefined : getNamedType(pageInfo.type);
  if (!isObjectType(info) || !('endCursor' in info.getFields()) || !('hasNextPage' in info.getFields())) return undefined;
  if (nodes !== undefined && isList(nodes.type)) return { items: 'nodes', of: getNamedType(nodes.type) };
  const edge = edges === undefined ? undefined : getNamedType(edges.type);
  const node = isObjectType(edge) ? edge.getFields()['node'] : undefined;
  return node === undefined ? undefined : { items: 'edges', of: getNamedType(node.type) };
}

/** The fields that are asked for, with braces; empty where a type has none. */
export function selectionOf(type: GraphQLOutputType, width: Width): string {
  const connection = connectionOf(type);
  if (connection === undefined) return ofThing(getNamedType(type), width);
  const inner = ofThing(connection.of, width);
  const items = connection.items === 'nodes' ? `nodes ${inner}` : `edges { node ${inner} }`;
  return `{ ${items} pageInfo { hasNextPage endCursor } }`;
}

function ofThing(type: GraphQLNamedType, width: Width): string {
  if (isLeafType(type)) return '';
  if (isUnionType(type)) {
    const parts = type
      .getTypes()
      .slice(0, 8)
      .map((one) => `... on ${one.name} ${braces(leavesOf(Object.values(one.getFields()), width.ofBeside))}`);
    return braces(['__typename', ...parts]);
  }
  if (!isObjectType(type) && !isInterfaceType(type)) return '';
  const fields = Object.values(type.getFields());
  const beside = fields
    .filter(
      (field) =>
        isFree(field) && !isLeafType(getNamedType(field.type)) && !isList(field.type) && connectionOf(field.type) === undefined,
    )
    .map((field) => [field, ofMentioned(getNamedType(field.type), width.ofBeside)] as const)
    .filter(([, inner]) => inner !== '')
    .slice(0, width.beside);
  const typename = isInterfaceType(type) ? ['__typename'] : [];
  return braces([...typename, ...leavesOf(fields, width.leaves), ...beside.map(([field, inner]) => `${field.name} ${inner}`)]);
}

function ofMentioned(type: GraphQLNamedType, most: number): string {
  if (!isObjectType(type) && !isInterfaceType(type)) return '';
  const leaves = leavesOf(Object.values(type.getFields()), Infinity);
  const telling = [...TELLING.filter((name) => leaves.includes(name)), ...leaves.filter((name) => !TELLING.includes(name))].slice(
    0,
    most,
  );
  return telling.length === 0 ? '' : braces(telling);
}

function leavesOf(fields: readonly Field[], most: number): string[] {
  return fields
    .filter((field) => isFree(field) && isLeafType(getNamedType(field.type)))
    .map(({ name }) => name)
    .slice(0, most);
}

/** Can be asked for without saying anything. */
function isFree(field: Field): boolean {
  return isCurrent(field) && !field.args.some((argument) => isNonNullType(argument.type) && !hasDefault(argument));
}

function braces(parts: readonly string[]): string {
  return `{ ${(parts.length === 0 ? ['__typename'] : parts).join(' ')} }`;
}

export function isList(type: GraphQLOutputType): boolean {
  return isListType(isNonNullType(type) ? type.ofType : type);
}
