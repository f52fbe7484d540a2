import { idSchema } from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { z } from 'zod';
import { checkpointQuerySchema } from '../checkpoints/checkpoints.controller.js';
import { exportQuerySchema } from '../export/export-query.js';
import { placeHoldSchema } from '../holds/holds.controller.js';

const time = z.iso.datetime();

const checkpoint = z.object({
  id: idSchema('ckp'),
  organization: idSchema('org'),
  seq: z.int(),
  hash: z.string(),
  at: time,
  kid: z.string(),
  jws: z.string(),
  anchoredAt: time.nullable(),
});

const hold = z.object({
  id: idSchema('hld'),
  organization: idSchema('org').nullable(),
  from: time.nullable(),
  to: time.nullable(),
  reason: z.string(),
  placedBy: z.string(),
  placedAt: time,
  releasedBy: z.string().nullable(),
  releasedAt: time.nullable(),
});

const OPERATOR = ['adminToken'];

/** Checkpoints, exports and holds. */
export const KEEPING: ApiPart = {
  requests: { PlaceHold: placeHoldSchema },
  responses: {
    CheckpointPage: z.object({ checkpoints: z.array(checkpoint), nextCursor: z.string().nullable() }),
    CheckpointKeys: z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) }),
    Hold: hold,
    Holds: z.object({ holds: z.array(hold) }),
  },
  operations: [
    {
      method: 'get',
      path: '/v1/events/export',
      id: 'exportEvents',
      summary:
        'Everything that matches, in the order of the chain: JSON Lines that are verified offline. Whole only with its last line',
      query: exportQuerySchema.shape,
      answers: {
        200: { description: 'JSON Lines, see docs/audit.md.', schema: { type: 'string' }, type: 'application/x-ndjson' },
      },
    },
    {
      method: 'get',
      path: '/v1/checkpoints',
      id: 'listCheckpoints',
      summary: 'Signed statements of where a chain stood, newest first',
      query: checkpointQuerySchema.shape,
      answers: { 200: { description: 'One page.', schema: 'CheckpointPage' } },
    },
    {
      method: 'get',
      path: '/v1/checkpoints/keys',
      id: 'getCheckpointKeys',
      summary: 'Public keys that checkpoints are verified with (JWKS, RFC 7517)',
      access: [],
      answers: { 200: { description: 'The key in use first.', schema: 'CheckpointKeys' } },
    },
    {
      method: 'get',
      path: '/v1/holds',
      id: 'listHolds',
      summary: 'Legal holds, those that hold first',
      access: OPERATOR,
      answers: { 200: { description: 'At most 1000.', schema: 'Holds' } },
    },
    {
      method: 'post',
      path: '/v1/holds',
      id: 'placeHold',
      summary: 'Keeps what happened in a time from retention, and what is younger with it',
      body: 'PlaceHold',
      access: OPERATOR,
      answers: { 201: { description: 'It holds.', schema: 'Hold' } },
    },
    {
      method: 'delete',
      path: '/v1/holds/{id}',
      id: 'releaseHold',
      summary: 'Releases a hold; the record of it stays',
      params: { id: idSchema('hld') },
      access: OPERATOR,
      answers: { 200: { description: 'It holds no more.', schema: 'Hold' } },
    },
  ],
};
