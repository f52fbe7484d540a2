import { idSchema, toolNameSchema } from '@keyward/contracts';
import type { z } from 'zod';
import { connectionQuerySchema } from '../connections/connections.js';
import { toolQuerySchema } from '../tools/listing.js';
import { componentSchemas, parameterSchema, ref, type JsonSchema, type SchemaName } from './schemas.js';

const PROBLEM = {
  description: 'What went wrong (RFC 9457).',
  content: { 'application/problem+json': { schema: ref('Problem') } },
};

/** OpenAPI 3.1 of the HTTP door, made from the contracts: what is validated and what is documented can't drift apart. */
export function openApiDocument(): JsonSchema {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Keyward gateway',
      version: '1',
      description:
        'Tool calls for AI agents. The bearer token is an agent key or the identity token of a workload; no provider token is ever in an answer.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ agentKey: [] }, { workloadIdentity: [] }],
    paths: PATHS,
    components: {
      securitySchemes: {
        agentKey: { type: 'http', scheme: 'bearer', bearerFormat: 'kwa_…' },
        workloadIdentity: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      },
      schemas: componentSchemas(),
    },
  };
}

const PATHS = {
  '/v1/tools': {
    get: {
      operationId: 'listTools',
      summary: 'Tools assigned to the calling agent',
      parameters: queryParameters(toolQuerySchema.shape),
      responses: { 200: answer('One page, in the order of names.', 'ToolList'), default: PROBLEM },
    },
  },
  '/v1/tools/{tool}/execute': {
    post: {
      operationId: 'executeTool',
      summary: 'Calls a tool on behalf of a user',
      parameters: [pathParameter('tool', toolNameSchema)],
      requestBody: body('ExecuteBody'),
      responses: {
        200: answer('The call succeeded.', 'ExecutionResult'),
        202: accepted(),
        default: {
          ...PROBLEM,
          description: 'The call did not succeed, or was refused; `executionId` is set once it was handed over.',
        },
      },
    },
  },
  '/v1/executions/{id}': {
    get: {
      operationId: 'getExecution',
      summary: 'Outcome of an earlier call, kept 24 hours',
      parameters: [pathParameter('id', idSchema('exe'))],
      responses: { 200: answer('It has ended, in whatever state.', 'ExecutionResult'), 202: accepted(), default: PROBLEM },
    },
  },
  '/v1/connections': {
    get: {
      operationId: 'listConnections',
      summary: 'Connections that the calling agent may use, its own and the workspace’s; metadata only',
      parameters: queryParameters(connectionQuerySchema.shape),
      responses: { 200: answer('One page, newest first.', 'ConnectionList'), default: PROBLEM },
    },
  },
  '/v1/connect-sessions': {
    post: {
      operationId: 'createConnectSession',
      summary: 'A link to hand to the person who is to connect an account',
      requestBody: body('CreateConnectSession'),
      responses: { 201: answer('The link, valid until `expiresAt`.', 'ConnectSession'), default: PROBLEM },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'getOpenApi',
      summary: 'This document',
      security: [],
      responses: { 200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: { type: 'object' } } } } },
    },
  },
};

function queryParameters(shape: Record<string, z.ZodType>): JsonSchema[] {
  return Object.entries(shape).map(([name, schema]) => ({ name, in: 'query', required: false, schema: parameterSchema(schema) }));
}

function pathParameter(name: string, schema: z.ZodType): JsonSchema {
  return { name, in: 'path', required: true, schema: parameterSchema(schema) };
}

function body(name: SchemaName): JsonSchema {
  return { required: true, content: { 'application/json': { schema: ref(name) } } };
}

function answer(description: string, name: SchemaName): JsonSchema {
  return { description, content: { 'application/json': { schema: ref(name) } } };
}

function accepted(): JsonSchema {
  const location = { description: 'Where the outcome will be found.', schema: { type: 'string' } };
  return { ...answer('Handed over; no outcome yet.', 'Receipt'), headers: { Location: location } };
}
