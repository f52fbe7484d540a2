import { problemSchema } from '@keyward/contracts';
import { z } from 'zod';
import { componentSchemas, parameterSchema, type JsonSchema } from './json-schema.js';

export interface Answer {
  description: string;
  /** Name of a component, or an inline schema; left out: there is no body. */
  schema?: string | JsonSchema;
  /** Media type; default `application/json`. */
  type?: string;
  headers?: JsonSchema;
}

/** One method of one path: what is validated on the way in, and what comes back. */
export interface Operation {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{name}` for each parameter. */
  path: string;
  id: string;
  summary: string;
  params?: Record<string, z.ZodType>;
  query?: Record<string, z.ZodType>;
  /** Name of a component. */
  body?: string;
  bodyIsOptional?: true;
  /** Other media types than JSON, such as forms. */
  bodyType?: string;
  /** By status. Everything else is a problem (RFC 9457). */
  answers: Record<number, Answer>;
  /** Names of security schemes, one of which suffices; empty: anyone may ask. Left out: as the document says. */
  access?: string[];
}

/** What one area of a door contributes. */
export interface ApiPart {
  requests?: Record<string, z.ZodType>;
  responses?: Record<string, z.ZodType>;
  operations: Operation[];
}

export interface ApiInfo {
  title: string;
  description: string;
  securitySchemes: Record<string, JsonSchema>;
  /** What an operation needs that says nothing else. */
  access: string[];
}

const SELF: Operation = {
  method: 'get',
  path: '/openapi.json',
  id: 'getOpenApi',
  summary: 'This document',
  access: [],
  answers: { 200: { description: 'OpenAPI 3.1', schema: { type: 'object' } } },
};

const PROBLEM = {
  description: 'What went wrong (RFC 9457).',
  content: { 'application/problem+json': { schema: ref('Problem') } },
};

/** OpenAPI 3.1 of an HTTP door, made from the contracts: what is validated and what is documented can't drift apart. */
export function openApiDocument({ title, description, securitySchemes, access }: ApiInfo, parts: readonly ApiPart[]): JsonSchema {
  const paths: Record<string, JsonSchema> = {};
  for (const operation of [...parts.flatMap(({ operations }) => operations), SELF])
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  const merge = (schemas: (Record<string, z.ZodType> | undefined)[]): Record<string, z.ZodType> => Object.assign({}, ...schemas);
  return {
    openapi: '3.1.0',
    info: { title, version: '1', description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    security: access.map((name) => ({ [name]: [] })),
    paths,
    components: {
      securitySchemes,
      schemas: {
        ...componentSchemas(merge(parts.map(({ requests }) => requests)), 'input'),
        ...componentSchemas({ Problem: problemSchema, ...merge(parts.map(({ responses }) => responses)) }, 'output'),
      },
    },
  };
}

function describe(operation: Operation): JsonSchema {
  const { id, summary, params = {}, query = {}, body, access } = operation;
  const parameters = [
    ...Object.entries(params).map(([name, schema]) => parameter('path', name, schema)),
    ...Object.entries(query).map(([name, schema]) => parameter('query', name, schema)),
  ];
  return {
    operationId: id,
    summary,
    ...(access === undefined ? {} : { security: access.map((name) => ({ [name]: [] })) }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(operation, body) }),
    responses: { ...responses(operation.answers), default: PROBLEM },
  };
}

function parameter(place: 'path' | 'query', name: string, schema: z.ZodType): JsonSchema {
  const required = place === 'path' || !schema.safeParse(undefined).success;
  return { name, in: place, required, schema: parameterSchema(schema) };
}

function requestBody({ bodyIsOptional, bodyType = 'application/json' }: Operation, name: string): JsonSchema {
  return { required: bodyIsOptional !== true, content: { [bodyType]: { schema: ref(name) } } };
}

function responses(answers: Record<number, Answer>): JsonSchema {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, schema, type = 'application/json', headers }]) => [
      status,
      {
        description,
        ...(headers === undefined ? {} : { headers }),
        ...(schema === undefined ? {} : { content: { [type]: { schema: typeof schema === 'string' ? ref(schema) : schema } } }),
      },
    ]),
  );
}

function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}
