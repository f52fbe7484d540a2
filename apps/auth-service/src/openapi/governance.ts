import {
  agentManifestSchema,
  appliedManifestSchema,
  connectorDetailSchema,
  connectorSchema,
  idSchema,
  connectorOverlaySchema,
  postConnectorSchema,
  putOverlaySchema,
  putManifestSchema,
  slugSchema,
  storedManifestSchema,
  tokenReleaseSchema,
  userIdSchema,
} from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { manifestEnvelopeSchema } from '../doors/http/agent-manifests.controller.js';
import { connectorQuerySchema } from '../doors/http/connectors.controller.js';
import { gone, inOrganization, made, ok, page } from './answers.js';

const agent = { id: idSchema('agt') };
const release = { ...agent, provider: slugSchema };
const releasePath = '/v1/agents/{id}/token-releases/{provider}';
const overlayPath = '/v1/connectors/{name}/overlay';
const query = inOrganization;
const maybe = { organization: inOrganization.organization.optional(), user: userIdSchema.optional() };

export const governanceApi: ApiPart = {
  requests: {
    PutManifest: putManifestSchema,
    ApplyManifest: z.union([manifestEnvelopeSchema, agentManifestSchema]),
    PostConnector: postConnectorSchema,
    PutOverlay: putOverlaySchema,
  },
  responses: {
    AppliedManifest: appliedManifestSchema,
    StoredManifest: storedManifestSchema,
    TokenRelease: tokenReleaseSchema,
    Connector: connectorSchema,
    ConnectorDetail: connectorDetailSchema,
    ConnectorOverlay: connectorOverlaySchema,
    ConnectorList: page('connectors', connectorSchema),
  },
  operations: [
    {
      method: 'put',
      path: '/v1/manifests',
      id: 'putManifest',
      summary: 'Applies a manifest to the agent of its slug, which is made where there is none',
      query: maybe,
      body: 'PutManifest',
      answers: ok('AppliedManifest', 'What has changed, and what is still missing.'),
    },
    {
      method: 'put',
      path: '/v1/agents/{id}/manifest',
      id: 'applyManifest',
      summary: 'Applies a manifest to this agent',
      params: agent,
      query: maybe,
      body: 'ApplyManifest',
      answers: ok('AppliedManifest', 'What has changed, and what is still missing.'),
    },
    {
      method: 'get',
      path: '/v1/agents/{id}/manifest',
      id: 'getManifest',
      summary: 'The manifest that was applied last',
      params: agent,
      query,
      answers: ok('StoredManifest'),
    },
    {
      method: 'get',
      path: releasePath,
      id: 'getTokenRelease',
      summary: 'Whether get_access_token may give this agent the provider’s tokens',
      params: release,
      query,
      answers: ok('TokenRelease'),
    },
    {
      method: 'put',
      path: releasePath,
      id: 'grantTokenRelease',
      summary: 'It may',
      params: release,
      query,
      answers: ok('TokenRelease'),
    },
    {
      method: 'delete',
      path: releasePath,
      id: 'withdrawTokenRelease',
      summary: 'It may not',
      params: release,
      query,
      answers: ok('TokenRelease'),
    },
    {
      method: 'get',
      path: '/v1/connectors',
      id: 'listConnectors',
      summary: 'What can be connected',
      query: { ...connectorQuerySchema.shape, ...inOrganization },
      answers: ok('ConnectorList', 'One page, in the order of names.'),
    },
    {
      method: 'get',
      path: '/v1/connectors/{name}',
      id: 'getConnector',
      summary: 'One connector',
      params: { name: slugSchema },
      query,
      answers: ok('ConnectorDetail'),
    },
    {
      method: 'post',
      path: '/v1/connectors',
      id: 'postConnector',
      summary: 'A connector of the organization’s own, or its next version',
      body: 'PostConnector',
      answers: made('ConnectorDetail'),
    },
    {
      method: 'delete',
      path: '/v1/connectors/{name}',
      id: 'removeConnector',
      summary: 'Removes a connector of the organization’s own',
      params: { name: slugSchema },
      query,
      answers: gone,
    },
    {
      method: 'get',
      path: overlayPath,
      id: 'getConnectorOverlay',
      summary: 'What the organization changes about a connector of the deployment',
      params: { name: slugSchema },
      query,
      answers: ok('ConnectorOverlay'),
    },
    {
      method: 'put',
      path: overlayPath,
      id: 'putConnectorOverlay',
      summary: 'Hides tools of a connector of the deployment, names them anew, or fixes arguments of them',
      params: { name: slugSchema },
      body: 'PutOverlay',
      answers: ok('ConnectorOverlay'),
    },
    {
      method: 'delete',
      path: overlayPath,
      id: 'removeConnectorOverlay',
      summary: 'The connector is again as the deployment has it',
      params: { name: slugSchema },
      query,
      answers: gone,
    },
  ],
};
