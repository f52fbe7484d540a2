import {
  connectionAuthorizationSchema,
  connectionSchema,
  connectionTestSchema,
  createConnectionSchema,
  erasedUserSchema,
  idSchema,
  replaceConnectionAgentsSchema,
  revokeConnectionsSchema,
  revokedConnectionsSchema,
  userIdSchema,
} from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { connectionQuerySchema } from '../doors/http/connections.controller.js';
import { inOrganization, made, ok, page } from './answers.js';

const params = { id: idSchema('conn') };
const query = inOrganization;
const one = '/v1/connections/{id}';

export const connectionsApi: ApiPart = {
  requests: {
    CreateConnection: createConnectionSchema,
    RevokeConnections: revokeConnectionsSchema,
    ReplaceConnectionAgents: replaceConnectionAgentsSchema,
  },
  responses: {
    Connection: connectionSchema,
    ConnectionList: page('connections', connectionSchema),
    ConnectionHistory: z.object({ authorizations: z.array(connectionAuthorizationSchema) }),
    ConnectionTest: connectionTestSchema,
    RevokedConnections: revokedConnectionsSchema,
    ErasedUser: erasedUserSchema,
  },
  operations: [
    {
      method: 'get',
      path: '/v1/connections',
      id: 'listConnections',
      summary: 'Connections, newest first, revoked ones included; metadata only, and how they are kept fresh',
      query: { ...connectionQuerySchema.shape, ...inOrganization },
      answers: ok('ConnectionList', 'One page.'),
    },
    {
      method: 'post',
      path: '/v1/connections',
      id: 'createConnection',
      summary: 'Connects without a browser at the provider: API keys, service accounts and their like',
      body: 'CreateConnection',
      answers: made('Connection', 'It is connected.'),
    },
    {
      method: 'post',
      path: '/v1/connections/revoke',
      id: 'revokeConnections',
      summary: 'Revokes everything that matches',
      body: 'RevokeConnections',
      answers: ok('RevokedConnections', 'Revoked here; providers are told until they confirm.'),
    },
    { method: 'get', path: one, id: 'getConnection', summary: 'One connection', params, query, answers: ok('Connection') },
    {
      method: 'delete',
      path: one,
      id: 'disconnect',
      summary: 'Revokes it here at once, and at the provider until there is a receipt',
      params,
      query,
      answers: ok('Connection', 'Revoked.'),
    },
    {
      method: 'get',
      path: `${one}/history`,
      id: 'getConnectionHistory',
      summary: 'Every authorization that it had, newest first',
      params,
      query,
      answers: ok('ConnectionHistory'),
    },
    {
      method: 'post',
      path: `${one}/test`,
      id: 'testConnection',
      summary: 'Asks the provider whether it works',
      params,
      query,
      answers: ok('ConnectionTest', 'What the provider said.'),
    },
    {
      method: 'put',
      path: `${one}/agents`,
      id: 'replaceConnectionAgents',
      summary: 'Which agents may use a workspace connection',
      params,
      body: 'ReplaceConnectionAgents',
      answers: ok('Connection'),
    },
    {
      method: 'delete',
      path: '/v1/users/{user}',
      id: 'eraseUser',
      summary: 'Revokes what a user has connected, and forgets who they were',
      params: { user: userIdSchema },
      query,
      answers: ok('ErasedUser', 'What was found.'),
    },
  ],
};
