import type { GraphQLField, GraphQLObjectType, GraphQLSchema } from 'graphql';
import type { Draft, LeftOut, ToolDraft, Wanted } from '../draft.js';
import { ImportError, Unfit } from '../import-error.js';
import { isReachable } from '../source/bounded-fetch.js';
import { isCurrent } from './current.js';
import { makeGraphqlTool } from './make-tool.js';

export interface GraphqlOptions {
  /** Where requests go. */
  readonly endpoint: string | undefined;
  readonly wanted: Wanted;
}

type Kind = 'query' | 'mutation' | 'subscription';

/** @throws ImportError where it is not known where the API is */
export function importGraphql(schema: GraphQLSchema, { endpoint, wanted }: GraphqlOptions): Draft {
  const url = endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !isReachable(url) || url.search !== '' || url.hash !== '' || url.username !== '')
    throw new ImportError(
      'A GraphQL schema does not say where the API is.',
      'Say it: --base-url https://api.example.com/graphql',
    );
  const all = [
    ...fieldsOf('query', schema.getQueryType()),
    ...fieldsOf('mutation', schema.getMutationType()),
    ...fieldsOf('subscription', schema.getSubscriptionType()),
  ];
  const leftOut: LeftOut[] = [];
  const tools: ToolDraft[] = [];
  let unwanted = 0;
  for (const [kind, field] of all) {
    const at = { operation: `${kind} ${field.name}`, place: `/${kind}/${field.name}` };
    if (kind === 'subscription') leftOut.push({ ...at, reason: 'a subscription has no one answer' });
    else if (!isCurrent(field)) leftOut.push({ ...at, reason: 'deprecated' });
    else if (tools.length >= wanted.maxTools || !wanted.matches([kind], field.name)) unwanted++;
    else {
      const made = toolOf(at, () => makeGraphqlTool(kind, field, schema, url.pathname));
      if ('reason' in made) leftOut.push(made);
      else tools.push(made);
    }
  }
  if (tools.length + unwanted === 0)
    throw new ImportError(
      'The schema has no query and no mutation that a tool could be made of.',
      'See that it is the schema of the API.',
    );
  return {
    title: url.hostname,
    manifest: { auth: { kind: 'api_key', label: 'Access token' }, base_url: url.origin, origins: [url.origin] },
    tools,
    leftOut,
    unwanted,
    notes: [
      {
        kind: 'auth',
        at: '/auth',
        detail: 'a guess, for a schema says nothing of it: an API key as Bearer token. Say what it really is',
      },
    ],
  };
}

function fieldsOf(kind: Kind, type: GraphQLObjectType | null | undefined): [Kind, GraphQLField<unknown, unknown>][] {
  return Object.values(type?.getFields() ?? {}).map((field) => [kind, field]);
}

function toolOf(at: Pick<LeftOut, 'operation' | 'place'>, make: () => ToolDraft): ToolDraft | LeftOut {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    return { ...at, reason: error.message };
  }
}
