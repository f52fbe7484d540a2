import { fragment } from '@keyward/service-host';
import { z } from 'zod';
import type { Destination } from './destination.js';
import { readDestinations } from './read-destinations.js';

/** Where the trail is forwarded to. Left out: nowhere. */
export const forwardConfig = fragment(
  {
    KEYWARD_AUDIT_FORWARD_FILE: z
      .string()
      .describe('the path of a YAML or JSON list of destinations, see docs/audit-forwarding.md')
      .optional(),
  },
  (env, report): Destination[] =>
    env.KEYWARD_AUDIT_FORWARD_FILE === undefined ? [] : readDestinations(env.KEYWARD_AUDIT_FORWARD_FILE, report),
);
