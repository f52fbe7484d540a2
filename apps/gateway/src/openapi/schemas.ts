import {
  connectionSchema,
  connectSessionSchema,
  createConnectSessionSchema,
  executeBodySchema,
  executionResultSchema,
  problemSchema,
  receiptSchema,
  toolListingSchema,
  toolListSchema,
} from '@keyward/contracts';
import { z } from 'zod';
import { connectionPageSchema } from '../connections/connections.js';

export type JsonSchema = Record<string, unknown>;

/** Bodies that callers send: members with a default may be left out. */
const REQUESTS = { ExecuteBody: executeBodySchema, CreateConnectSession: createConnectSessionSchema };

const RESPONSES = {
  Problem: problemSchema,
  ToolListing: toolListingSchema,
  ToolList: toolListSchema,
  ExecutionResult: executionResultSchema,
  Receipt: receiptSchema,
  Connection: connectionSchema,
  ConnectionList: connectionPageSchema,
  ConnectSession: connectSessionSchema,
};

export type SchemaName = keyof typeof REQUESTS | keyof typeof RESPONSES;

export function ref(name: SchemaName): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** JSON Schema 2020-12 is what OpenAPI 3.1 embeds, so the contracts' own schemas are published as they are. */
export function componentSchemas(): Record<string, JsonSchema> {
  return { ...convert(REQUESTS, 'input'), ...convert(RESPONSES, 'output') };
}

function convert(schemas: Record<string, z.ZodType>, io: 'input' | 'output'): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const converted = z.toJSONSchema(registry, {
    target: 'draft-2020-12',
    io,
    uri: (id) => `#/components/schemas/${id}`,
    // Answers may gain members without being a new version; a client that refuses them would break.
    override: ({ jsonSchema }) => {
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return Object.fromEntries(Object.entries(converted.schemas).map(([id, schema]) => [id, embeddable(schema)]));
}

/** One member of a query, on its own. */
export function parameterSchema(schema: z.ZodType): JsonSchema {
  return embeddable(z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' }));
}

/** Inside a document the dialect is OpenAPI's and the place is the identity. */
function embeddable({ $schema: _dialect, $id: _id, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
