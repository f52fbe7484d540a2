import {
  createdWebhookEndpointSchema,
  createWebhookEndpointSchema,
  idSchema,
  rotateWebhookSecretSchema,
  updateWebhookEndpointSchema,
  webhookDeliverySchema,
  webhookEndpointSchema,
  webhookTestSchema,
} from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { cursor, gone, inOrganization, made, ok, page } from './answers.js';

const params = { id: idSchema('whe') };
const query = inOrganization;
const maybe = { organization: inOrganization.organization.optional() };
const all = '/v1/webhook-endpoints';
const one = `${all}/{id}`;

export const notificationsApi: ApiPart = {
  requests: {
    CreateWebhookEndpoint: createWebhookEndpointSchema,
    UpdateWebhookEndpoint: updateWebhookEndpointSchema,
    RotateWebhookSecret: rotateWebhookSecretSchema,
  },
  responses: {
    WebhookEndpoint: webhookEndpointSchema,
    WebhookEndpointList: z.object({ webhookEndpoints: z.array(webhookEndpointSchema) }),
    CreatedWebhookEndpoint: createdWebhookEndpointSchema,
    WebhookTest: webhookTestSchema,
    WebhookDeliveryList: page('deliveries', webhookDeliverySchema),
  },
  operations: [
    {
      method: 'post',
      path: all,
      id: 'addWebhookEndpoint',
      summary: 'Adds an address that is told of events; its secret is shown this once',
      body: 'CreateWebhookEndpoint',
      answers: made('CreatedWebhookEndpoint'),
    },
    { method: 'get', path: all, id: 'listWebhookEndpoints', summary: 'Who is told', query, answers: ok('WebhookEndpointList') },
    {
      method: 'get',
      path: one,
      id: 'getWebhookEndpoint',
      summary: 'One endpoint',
      params,
      query,
      answers: ok('WebhookEndpoint'),
    },
    {
      method: 'patch',
      path: one,
      id: 'updateWebhookEndpoint',
      summary: 'Changes what is named',
      params,
      query: maybe,
      body: 'UpdateWebhookEndpoint',
      answers: ok('WebhookEndpoint'),
    },
    {
      method: 'delete',
      path: one,
      id: 'removeWebhookEndpoint',
      summary: 'Removes an endpoint with its deliveries',
      params,
      query,
      answers: gone,
    },
    {
      method: 'post',
      path: `${one}/rotate-secret`,
      id: 'rotateWebhookSecret',
      summary: 'A new secret; messages are signed with the old one too for a while',
      params,
      query: maybe,
      body: 'RotateWebhookSecret',
      bodyIsOptional: true,
      answers: ok('CreatedWebhookEndpoint', 'With the new secret, shown this once.'),
    },
    {
      method: 'post',
      path: `${one}/test`,
      id: 'testWebhookEndpoint',
      summary: 'Sends a webhook.test now',
      params,
      query: maybe,
      body: 'OnlyOrganization',
      bodyIsOptional: true,
      answers: ok('WebhookTest', 'What came back.'),
    },
    {
      method: 'get',
      path: `${one}/deliveries`,
      id: 'listWebhookDeliveries',
      summary: 'What an endpoint was sent and how that went, newest first; never bodies',
      params,
      query: { ...inOrganization, cursor },
      answers: ok('WebhookDeliveryList', 'One page.'),
    },
  ],
};
