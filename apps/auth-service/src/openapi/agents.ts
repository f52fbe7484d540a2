import {
  agentKeySchema,
  agentSchema,
  assignmentSchema,
  createAgentSchema,
  createdAgentKeySchema,
  idSchema,
  natsCredentialsSchema,
  rotateAgentKeySchema,
  rotatedAgentKeySchema,
} from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { agentQuerySchema, assignmentsSchema } from '../doors/http/agents.controller.js';
import { onlyOrganizationSchema } from '../doors/http/input.js';
import { inOrganization, made, ok, page } from './answers.js';

const params = { id: idSchema('agt') };
const keyParams = { ...params, key: idSchema('key') };
const query = inOrganization;
const one = '/v1/agents/{id}';

export const agentsApi: ApiPart = {
  requests: {
    CreateAgent: createAgentSchema,
    ReplaceAssignments: assignmentsSchema,
    RotateAgentKey: rotateAgentKeySchema,
    OnlyOrganization: onlyOrganizationSchema.unwrap(),
  },
  responses: {
    Agent: agentSchema,
    AgentList: page('agents', agentSchema),
    AgentKey: agentKeySchema,
    AgentKeyList: z.object({ keys: z.array(agentKeySchema) }),
    CreatedAgentKey: createdAgentKeySchema,
    RotatedAgentKey: rotatedAgentKeySchema,
    AssignmentList: z.object({ assignments: z.array(assignmentSchema) }),
    NatsCredentials: natsCredentialsSchema,
  },
  operations: [
    {
      method: 'post',
      path: '/v1/agents',
      id: 'createAgent',
      summary: 'Makes an agent',
      body: 'CreateAgent',
      answers: made('Agent'),
    },
    {
      method: 'get',
      path: '/v1/agents',
      id: 'listAgents',
      summary: 'Agents of the organization, newest first',
      query: { ...agentQuerySchema.shape, ...inOrganization },
      answers: ok('AgentList', 'One page.'),
    },
    { method: 'get', path: one, id: 'getAgent', summary: 'One agent', params, query, answers: ok('Agent') },
    {
      method: 'post',
      path: `${one}/keys`,
      id: 'createAgentKey',
      summary: 'A new key, shown this once',
      params,
      query,
      body: 'OnlyOrganization',
      bodyIsOptional: true,
      answers: made('CreatedAgentKey'),
    },
    {
      method: 'get',
      path: `${one}/keys`,
      id: 'listAgentKeys',
      summary: 'Keys of an agent',
      params,
      query,
      answers: ok('AgentKeyList'),
    },
    {
      method: 'delete',
      path: `${one}/keys`,
      id: 'revokeAgentKeys',
      summary: 'Revokes every key of an agent',
      params,
      query,
      answers: ok('AgentKeyList', 'Revoked.'),
    },
    {
      method: 'post',
      path: `${one}/keys/{key}/rotate`,
      id: 'rotateAgentKey',
      summary: 'A new key; the old one works on for a while',
      params: keyParams,
      query: { organization: inOrganization.organization.optional() },
      body: 'RotateAgentKey',
      bodyIsOptional: true,
      answers: made('RotatedAgentKey'),
    },
    {
      method: 'delete',
      path: `${one}/keys/{key}`,
      id: 'revokeAgentKey',
      summary: 'Revokes one key',
      params: keyParams,
      query,
      answers: ok('AgentKey', 'Revoked.'),
    },
    {
      method: 'put',
      path: `${one}/assignments`,
      id: 'replaceAssignments',
      summary: 'Which tools the agent may call',
      params,
      body: 'ReplaceAssignments',
      answers: ok('AssignmentList'),
    },
    {
      method: 'get',
      path: `${one}/assignments`,
      id: 'listAssignments',
      summary: 'Which tools the agent may call',
      params,
      query,
      answers: ok('AssignmentList'),
    },
    {
      method: 'post',
      path: `${one}/nats-credentials`,
      id: 'issueNatsCredentials',
      summary: 'A login at NATS, for the agent itself or an admin',
      params,
      query: { organization: inOrganization.organization.optional() },
      body: 'OnlyOrganization',
      bodyIsOptional: true,
      access: ['adminToken', 'personToken', 'session', 'agentKey', 'workload'],
      answers: made('NatsCredentials', 'Shown this once.'),
    },
  ],
};
