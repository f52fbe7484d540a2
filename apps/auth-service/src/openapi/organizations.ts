import {
  createOrganizationSchema,
  idSchema,
  organizationSchema,
  rewrapProgressSchema,
  rewrapReportSchema,
  rewrapRequestSchema,
  rotatedDataKeySchema,
  shreddedOrganizationSchema,
  shredOrganizationSchema,
  updateOrganizationSchema,
} from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { organizationQuerySchema } from '../doors/http/organizations.controller.js';
import { made, ok, page } from './answers.js';

const params = { id: idSchema('org') };
const one = '/v1/organizations/{id}';

export const organizationsApi: ApiPart = {
  requests: {
    CreateOrganization: createOrganizationSchema,
    UpdateOrganization: updateOrganizationSchema,
    ShredOrganization: shredOrganizationSchema,
    RewrapRequest: rewrapRequestSchema,
  },
  responses: {
    Organization: organizationSchema,
    OrganizationList: page('organizations', organizationSchema),
    RotatedDataKey: rotatedDataKeySchema,
    ShreddedOrganization: shreddedOrganizationSchema,
    RewrapLine: z.union([rewrapReportSchema, rewrapProgressSchema]),
  },
  operations: [
    {
      method: 'post',
      path: '/v1/organizations',
      id: 'createOrganization',
      summary: 'Makes an organization; for the operator',
      body: 'CreateOrganization',
      answers: made('Organization'),
    },
    {
      method: 'get',
      path: '/v1/organizations',
      id: 'listOrganizations',
      summary: 'All organizations, newest first; for the operator',
      query: organizationQuerySchema.shape,
      answers: ok('OrganizationList', 'One page.'),
    },
    { method: 'get', path: one, id: 'getOrganization', summary: 'One organization', params, answers: ok('Organization') },
    {
      method: 'patch',
      path: one,
      id: 'updateOrganization',
      summary: 'Changes what is named',
      params,
      body: 'UpdateOrganization',
      answers: ok('Organization'),
    },
    {
      method: 'post',
      path: `${one}/data-keys/rotate`,
      id: 'rotateDataKey',
      summary: 'New secrets are sealed with a new data key',
      params,
      answers: ok('RotatedDataKey', 'Rotated.'),
    },
    {
      method: 'post',
      path: `${one}/shred`,
      id: 'shredOrganization',
      summary: 'Destroys its data keys, and with them every secret that it has sealed; for owners',
      params,
      body: 'ShredOrganization',
      answers: ok('ShreddedOrganization', 'Nothing of it opens any more.'),
    },
    {
      method: 'post',
      path: '/v1/vault/rewrap',
      id: 'rewrapVault',
      summary: 'Wraps every data key anew; for the operator',
      body: 'RewrapRequest',
      bodyIsOptional: true,
      answers: {
        200: {
          description: 'One line after the other: progress, and the report as the last one.',
          type: 'application/x-ndjson',
          schema: 'RewrapLine',
        },
      },
    },
  ],
};
