import { auditRecordSchema, idSchema, usagePageSchema } from '@keyward/contracts';
import { openApiDocument as documentOf, type ApiPart, type JsonSchema } from '@keyward/service-host';
import { z } from 'zod';
import { eventQuerySchema } from '../query/event-filter.js';
import { KEEPING } from './keeping.js';
import { verifyQuerySchema } from '../query/events.controller.js';
import { usageQuerySchema } from '../usage/usage-query.js';

const INFO = {
  title: 'Keyward audit-service',
  description: 'What has happened, as a chain of hashes per organization. Nothing here can be changed.',
  securitySchemes: {
    adminToken: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'opaque',
      description: 'The deployment’s admin token: every trail.',
    },
    personToken: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'kwp_…',
      description: 'Of a command line: trails of the organizations in which the person is an auditor or more.',
    },
  },
  access: ['adminToken', 'personToken'],
};

const API: ApiPart = {
  responses: {
    AuditRecord: auditRecordSchema,
    EventPage: z.object({ events: z.array(auditRecordSchema), nextCursor: z.string().nullable() }),
    UsagePage: usagePageSchema,
    Verification: z.discriminatedUnion('ok', [
      z.object({
        organization: idSchema('org'),
        ok: z.literal(true),
        verified: z.int(),
        head: z.object({ seq: z.int(), hash: z.string() }),
        complete: z.boolean(),
      }),
      z.object({
        organization: idSchema('org'),
        ok: z.literal(false),
        verified: z.int(),
        firstBrokenSeq: z.int(),
        reason: z.string(),
      }),
    ]),
  },
  operations: [
    {
      method: 'get',
      path: '/v1/events',
      id: 'listEvents',
      summary: 'Events that match everything that is named, newest first',
      query: eventQuerySchema.shape,
      answers: { 200: { description: 'One page.', schema: 'EventPage' } },
    },
    {
      method: 'get',
      path: '/v1/events/verify',
      id: 'verifyEvents',
      summary: 'Verifies a chain, from its beginning or from an earlier answer’s head',
      query: verifyQuerySchema.shape,
      answers: { 200: { description: 'Whether it is whole.', schema: 'Verification' } },
    },
    {
      method: 'get',
      path: '/v1/usage',
      id: 'getUsage',
      summary: 'Calls, what became of them and what they cost, by what is named',
      query: usageQuerySchema.shape,
      answers: { 200: { description: 'One page.', schema: 'UsagePage' } },
    },
  ],
};

export function openApiDocument(): JsonSchema {
  return documentOf(INFO, [API, KEEPING]);
}
