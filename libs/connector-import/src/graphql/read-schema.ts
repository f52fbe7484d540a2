import {
  buildASTSchema,
  buildClientSchema,
  getIntrospectionQuery,
  parse,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { ImportError } from '../import-error.js';
import { isNode, own, type Node } from '../node.js';
import { boundedFetch } from '../source/bounded-fetch.js';
import { parseText } from '../source/parse-text.js';

const MAX_TOKENS = 2_000_000;
const MAX_BYTES = 64 * 1_048_576;

/** A schema in its definition language. @throws ImportError */
export function schemaOfSdl(text: string): GraphQLSchema {
  return guarded(() => buildASTSchema(parse(text, { maxTokens: MAX_TOKENS, noLocation: true })));
}

/** The answer to an introspection query, without what is around it. @throws ImportError */
export function schemaOfIntrospection(document: Node): GraphQLSchema {
  return guarded(() => buildClientSchema(document as unknown as IntrospectionQuery));
}

/** Asks the endpoint itself. @throws ImportError */
export async function introspect(address: string, token: string | undefined): Promise<Node> {
  const answer = await boundedFetch(address, MAX_BYTES, {
    method: 'POST',
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query: getIntrospectionQuery({ descriptions: true }) }),
  });
  if (answer.status === 401 || answer.status === 403)
    throw new ImportError(
      `${address} wants to know who asks (status ${answer.status}).`,
      'Put a token into a variable and name it: --token-env NAME',
    );
  const data = answer.status === 200 ? own(parseText(new TextDecoder().decode(answer.bytes), address), 'data') : undefined;
  if (isNode(data) && isNode(data['__schema'])) return { __schema: data['__schema'] };
  throw new ImportError(
    `${address} does not tell its schema (status ${answer.status}).`,
    'Introspection may be off there: import its schema as a file (.graphql).',
  );
}

function guarded(read: () => GraphQLSchema): GraphQLSchema {
  try {
    return read();
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split('\n', 1)[0] ?? '') : 'unknown';
    throw new ImportError(`The GraphQL schema can not be read: ${why.slice(0, 300)}`, 'Mend it there, or import another file.', {
      cause,
    });
  }
}
