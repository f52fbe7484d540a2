import {
  connectSessionSchema,
  connectSessionStatusSchema,
  idSchema,
  providerAppSchema,
  createProviderAppSchema,
} from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { agentSessionSchema, workspaceSessionSchema } from '../doors/http/connect-sessions.controller.js';
import { replaceProviderAppSchema } from '../doors/http/provider-apps.controller.js';
import { gone, htmlPage, inOrganization, made, ok, redirect } from './answers.js';

const context = { context: z.string() };
const app = { id: idSchema('app') };
const query = inOrganization;

/** What our page sends: the token of the form, the choice, and the fields that the page has. */
const connectForm = z.looseObject({ csrf: z.string(), decision: z.enum(['continue', 'cancel']) });

export const connectApi: ApiPart = {
  requests: {
    CreateConnectSession: z.union([workspaceSessionSchema, agentSessionSchema]),
    CreateProviderApp: createProviderAppSchema,
    ReplaceProviderApp: replaceProviderAppSchema,
    ConnectForm: connectForm,
    CodeWebhook: z.unknown(),
  },
  responses: {
    ConnectSession: connectSessionSchema,
    ConnectSessionStatus: connectSessionStatusSchema,
    ProviderApp: providerAppSchema,
    ProviderAppList: z.object({ providerApps: z.array(providerAppSchema) }),
    ClientMetadata: z.looseObject({ client_id: z.string(), redirect_uris: z.array(z.string()) }),
  },
  operations: [
    {
      method: 'post',
      path: '/v1/connect-sessions',
      id: 'createConnectSession',
      summary: 'A link to hand to the person who is to connect an account',
      body: 'CreateConnectSession',
      answers: made('ConnectSession', 'The link, valid until `expiresAt`.'),
    },
    {
      method: 'get',
      path: '/v1/connect-sessions/{id}',
      id: 'getConnectSession',
      summary: 'How far the person is; for admins and for the agent that made it',
      params: { id: idSchema('cse') },
      query: { organization: inOrganization.organization.optional() },
      access: ['adminToken', 'personToken', 'session', 'agentKey'],
      answers: ok('ConnectSessionStatus'),
    },
    {
      method: 'post',
      path: '/v1/provider-apps',
      id: 'createProviderApp',
      summary: 'The organization’s own registration at a provider',
      body: 'CreateProviderApp',
      answers: made('ProviderApp'),
    },
    {
      method: 'get',
      path: '/v1/provider-apps',
      id: 'listProviderApps',
      summary: 'Registrations, and whether their providers take them',
      query,
      answers: ok('ProviderAppList'),
    },
    {
      method: 'get',
      path: '/v1/provider-apps/{id}',
      id: 'getProviderApp',
      summary: 'One registration, and whether its provider takes it',
      params: app,
      query,
      answers: ok('ProviderApp'),
    },
    {
      method: 'put',
      path: '/v1/provider-apps/{id}',
      id: 'replaceProviderApp',
      summary: 'New credentials under the same redirect URI; one that was rejected is tried again at once',
      params: app,
      body: 'ReplaceProviderApp',
      answers: ok('ProviderApp'),
    },
    {
      method: 'delete',
      path: '/v1/provider-apps/{id}',
      id: 'removeProviderApp',
      summary: 'Removes a registration that no connection needs',
      params: app,
      query,
      answers: gone,
    },
    {
      method: 'get',
      path: '/connect/{token}',
      id: 'openConnectPage',
      summary: 'The page that a link leads to',
      params: { token: z.string() },
      access: [],
      answers: { 200: htmlPage('Who asks, for what.'), 303: redirect },
    },
    {
      method: 'post',
      path: '/connect/{token}',
      id: 'decideConnect',
      summary: 'The choice of the person, from that page alone',
      params: { token: z.string() },
      body: 'ConnectForm',
      bodyType: 'application/x-www-form-urlencoded',
      access: [],
      answers: { 200: htmlPage('How it ended.'), 303: redirect },
    },
    {
      method: 'get',
      path: '/oauth/callback/{context}',
      id: 'finishAuthorization',
      summary: 'Where a provider sends the browser back to',
      params: context,
      access: [],
      answers: { 200: htmlPage('How it ended.'), 303: redirect },
    },
    {
      method: 'post',
      path: '/oauth/webhook/{context}',
      id: 'deliverCode',
      summary: 'Where providers that do not redirect with a code deliver it',
      params: context,
      body: 'CodeWebhook',
      access: [],
      answers: { 204: { description: 'Taken.' } },
    },
    {
      method: 'get',
      path: '/oauth/clients/{context}',
      id: 'getClientMetadata',
      summary: 'Client ID metadata document of a registration that is one',
      params: context,
      access: [],
      answers: ok('ClientMetadata', 'The document.'),
    },
  ],
};
