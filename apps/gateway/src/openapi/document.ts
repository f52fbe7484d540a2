import {
  connectionSchema,
  connectSessionSchema,
  createConnectSessionSchema,
  executeBodySchema,
  executionResultSchema,
  idSchema,
  receiptSchema,
  toolListingSchema,
  toolListSchema,
  writtenToolNameSchema,
} from '@keyward/contracts';
import { openApiDocument as documentOf, type ApiPart, type JsonSchema } from '@keyward/service-host';
import { connectionPageSchema, connectionQuerySchema } from '../connections/connections.js';
import { toolQuerySchema } from '../tools/listing.js';

const INFO = {
  title: 'Keyward gateway',
  description:
    'Tool calls for AI agents. The bearer token is an agent key or a workload identity; no provider token is ever in an answer.',
  securitySchemes: { agentKey: { type: 'http', scheme: 'bearer', bearerFormat: 'kwa_…' } },
  access: ['agentKey'],
};

const ACCEPTED = {
  description: 'No outcome yet: queued, running, or waiting for an authorization.',
  schema: 'Receipt',
  headers: { Location: { description: 'Where the outcome will be found.', schema: { type: 'string' } } },
};

const API: ApiPart = {
  requests: { ExecuteBody: executeBodySchema, CreateConnectSession: createConnectSessionSchema },
  responses: {
    ToolListing: toolListingSchema,
    ToolList: toolListSchema,
    ExecutionResult: executionResultSchema,
    Receipt: receiptSchema,
    Connection: connectionSchema,
    ConnectionList: connectionPageSchema,
    ConnectSession: connectSessionSchema,
  },
  operations: [
    {
      method: 'get',
      path: '/v1/tools',
      id: 'listTools',
      summary: 'Tools assigned to the calling agent',
      query: toolQuerySchema.shape,
      answers: { 200: { description: 'One page, in the order of names.', schema: 'ToolList' } },
    },
    {
      method: 'post',
      path: '/v1/tools/{tool}/execute',
      id: 'executeTool',
      summary: 'Calls a tool on behalf of a user. A problem carries `executionId` once the call was handed over.',
      params: { tool: writtenToolNameSchema },
      body: 'ExecuteBody',
      answers: { 200: { description: 'The call succeeded.', schema: 'ExecutionResult' }, 202: ACCEPTED },
    },
    {
      method: 'get',
      path: '/v1/executions/{id}',
      id: 'getExecution',
      summary: 'Outcome of an earlier call, kept 24 hours',
      params: { id: idSchema('exe') },
      answers: { 200: { description: 'It has ended, in whatever state.', schema: 'ExecutionResult' }, 202: ACCEPTED },
    },
    {
      method: 'post',
      path: '/v1/executions/{id}/cancel',
      id: 'cancelExecution',
      summary: 'Ends an execution. A write that was sent already may have taken effect: its state is then `unknown`.',
      params: { id: idSchema('exe') },
      answers: {
        200: { description: 'It has ended, now or before, in whatever state.', schema: 'ExecutionResult' },
        202: { ...ACCEPTED, description: 'It is queued or running, and is about to end.' },
      },
    },
    {
      method: 'get',
      path: '/v1/artifacts/{id}',
      id: 'getArtifact',
      summary: 'Bytes of an output that was too large for the bus, or is a file',
      params: { id: idSchema('art') },
      answers: {
        200: {
          description: 'The bytes, under the media type that the handle names.',
          type: '*/*',
          schema: { type: 'string', format: 'binary' },
          headers: { 'Repr-Digest': { description: 'RFC 9530, sha-256.', schema: { type: 'string' } } },
        },
      },
    },
    {
      method: 'get',
      path: '/v1/connections',
      id: 'listConnections',
      summary: 'Connections of the calling agent; metadata only',
      query: connectionQuerySchema.shape,
      answers: { 200: { description: 'One page, newest first.', schema: 'ConnectionList' } },
    },
    {
      method: 'post',
      path: '/v1/connect-sessions',
      id: 'createConnectSession',
      summary: 'A link to hand to the person who is to connect an account',
      body: 'CreateConnectSession',
      answers: { 201: { description: 'The link, valid until `expiresAt`.', schema: 'ConnectSession' } },
    },
  ],
};

export function openApiDocument(): JsonSchema {
  return documentOf(INFO, [API]);
}
