// Not all of the package: what executes documents is most of it.
import { GraphQLError } from 'graphql/error';
import { Kind, parse, type OperationDefinitionNode } from 'graphql/language';
import type { Fail } from '../tool/compile-tool.js';

export interface GraphqlOperation {
  readonly isQuery: boolean;
  readonly name: string | undefined;
  /** Name → whether a request must give it a value. */
  readonly variables: ReadonlyMap<string, boolean>;
}

const MAX_TOKENS = 2_000;

/** One operation, with the fragments it needs. What its schema says is for who has the schema. */
export function readDocument(text: string, fail: Fail): GraphqlOperation {
  const operations = parseDocument(text, fail).definitions.filter(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const [operation] = operations;
  if (operation === undefined || operations.length > 1) return fail([], 'the document must hold exactly one operation');
  if (operation.operation === 'subscription') fail([], 'a subscription has no one answer');
  const variables = (operation.variableDefinitions ?? []).map(
    ({ variable, type, defaultValue }) =>
      [variable.name.value, type.kind === Kind.NON_NULL_TYPE && defaultValue === undefined] as const,
  );
  return { isQuery: operation.operation === 'query', name: operation.name?.value, variables: new Map(variables) };
}

function parseDocument(text: string, fail: Fail): ReturnType<typeof parse> {
  try {
    return parse(text, { maxTokens: MAX_TOKENS, noLocation: true });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const [at] = error.locations ?? [];
    return fail([], `${error.message} (line ${at?.line ?? 1} of the document, column ${at?.column ?? 1})`);
  }
}
