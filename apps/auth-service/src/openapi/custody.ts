import {
  createTrustedIssuerSchema,
  createWorkloadBindingSchema,
  custodyAnswerSchemas,
  custodyOperations,
  custodyRequestSchemas,
  idSchema,
  trustedIssuerSchema,
  workloadBindingSchema,
} from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { inOrganization, made, ok } from './answers.js';

const params = { id: idSchema('iss') };
const query = inOrganization;
const bindings = '/v1/trusted-issuers/{id}/bindings';

export const custodyApi: ApiPart = {
  requests: {
    CustodyRequest: z.union(Object.values(custodyRequestSchemas)),
    CreateTrustedIssuer: createTrustedIssuerSchema,
    CreateWorkloadBinding: createWorkloadBindingSchema,
  },
  responses: {
    CustodyAnswer: z.union(Object.values(custodyAnswerSchemas)),
    TrustedIssuer: trustedIssuerSchema,
    TrustedIssuerList: z.object({ trustedIssuers: z.array(trustedIssuerSchema) }),
    WorkloadBinding: workloadBindingSchema,
    WorkloadBindingList: z.object({ bindings: z.array(workloadBindingSchema) }),
  },
  operations: [
    {
      method: 'post',
      path: '/v1/custody/{operation}',
      id: 'custody',
      summary: 'The six custody operations, as on the bus',
      params: { operation: z.enum(custodyOperations) },
      body: 'CustodyRequest',
      answers: ok('CustodyAnswer', 'The answer of the operation.'),
    },
    {
      method: 'post',
      path: '/v1/trusted-issuers',
      id: 'addTrustedIssuer',
      summary: 'Trusts an issuer of workload identities',
      body: 'CreateTrustedIssuer',
      answers: made('TrustedIssuer'),
    },
    {
      method: 'get',
      path: '/v1/trusted-issuers',
      id: 'listTrustedIssuers',
      summary: 'Whose workload identities are trusted',
      query,
      answers: ok('TrustedIssuerList'),
    },
    {
      method: 'delete',
      path: '/v1/trusted-issuers/{id}',
      id: 'removeTrustedIssuer',
      summary: 'Trusts it no longer',
      params,
      query,
      answers: ok('TrustedIssuer', 'As it was.'),
    },
    {
      method: 'post',
      path: bindings,
      id: 'addWorkloadBinding',
      summary: 'Says which workloads are which agent',
      params,
      body: 'CreateWorkloadBinding',
      answers: made('WorkloadBinding'),
    },
    {
      method: 'get',
      path: bindings,
      id: 'listWorkloadBindings',
      summary: 'Bindings',
      params,
      query,
      answers: ok('WorkloadBindingList'),
    },
    {
      method: 'delete',
      path: `${bindings}/{binding}`,
      id: 'removeWorkloadBinding',
      summary: 'Removes a binding',
      params: { ...params, binding: idSchema('wlb') },
      query,
      answers: ok('WorkloadBinding', 'As it was.'),
    },
  ],
};
