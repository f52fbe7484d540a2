import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;

/**
 * JSON Schema 2020-12 is what OpenAPI 3.1 embeds, so the contracts' own schemas are published as they are.
 * @param io `input`: what callers send, where members with a default may be left out
 */
export function componentSchemas(schemas: Record<string, z.ZodType>, io: 'input' | 'output'): Record<string, JsonSchema> {
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
  const embedded = Object.fromEntries(Object.entries(converted.schemas).map(([id, schema]) => [id, embeddable(schema)]));
  return withSharedParts(embedded, io);
}

/**
 * What refers to itself, such as any JSON value, is kept apart by the conversion, in a component that is addressed as a document of its own.
 * Here it is a part of this one, and each direction has its own.
 */
function withSharedParts(schemas: Record<string, JsonSchema>, io: 'input' | 'output'): Record<string, JsonSchema> {
  const text = JSON.stringify(schemas).replaceAll('__shared#/$defs/', '__shared/$defs/');
  return JSON.parse(text.replaceAll('__shared', io === 'input' ? 'SharedRequestParts' : 'SharedResponseParts')) as Record<
    string,
    JsonSchema
  >;
}

/** One parameter, on its own. */
export function parameterSchema(schema: z.ZodType): JsonSchema {
  return embeddable(z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' }));
}

/** Inside a document the dialect is OpenAPI's and the place is the identity. */
function embeddable({ $schema: _dialect, $id: _id, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
