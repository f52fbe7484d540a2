import { deadLetterDetailSchema, deadLetterSummarySchema, settledDeadLetterSchema } from '@keyward/contracts';
import type { ApiPart } from '@keyward/service-host';
import { deadLetterQuerySchema, letterIdSchema } from '../doors/http/dead-letters.controller.js';
import { ok, page } from './answers.js';

const params = { id: letterIdSchema };
const access = ['adminToken'];

export const deadLettersApi: ApiPart = {
  responses: {
    DeadLetter: deadLetterDetailSchema,
    DeadLetterList: page('deadLetters', deadLetterSummarySchema),
    SettledDeadLetter: settledDeadLetterSchema,
  },
  operations: [
    {
      method: 'get',
      path: '/v1/dead-letters',
      id: 'listDeadLetters',
      summary: 'Messages that were given up, oldest first; for the operator',
      query: deadLetterQuerySchema.shape,
      answers: ok('DeadLetterList', 'One page.'),
      access,
    },
    {
      method: 'get',
      path: '/v1/dead-letters/{id}',
      id: 'getDeadLetter',
      summary: 'One of them, whole, with what it means; for the operator',
      params,
      answers: ok('DeadLetter'),
      access,
    },
    {
      method: 'post',
      path: '/v1/dead-letters/{id}/replay',
      id: 'replayDeadLetter',
      summary: 'Puts it back where it came from; for the operator',
      params,
      answers: ok('SettledDeadLetter', 'It is worked on again.'),
      access,
    },
    {
      method: 'delete',
      path: '/v1/dead-letters/{id}',
      id: 'discardDeadLetter',
      summary: 'Throws it away; for the operator',
      params,
      answers: ok('SettledDeadLetter', 'It is gone.'),
      access,
    },
  ],
};
