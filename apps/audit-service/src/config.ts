import {
  adminConfig,
  checkpointSigningConfig,
  clientLimitsConfig,
  currencyConfig,
  databaseConfig,
  fragment,
  httpConfig,
  natsConfig,
  objectStoreConfig,
  streamsConfig,
} from '@keyward/service-host';
import { forwardConfig } from './forward/config.js';
import { z } from 'zod';

const DEFAULT_HTTP_PORT = 8082;
/** As the database has it, see the migration: a retention by mistake leaves the last week. */
const LEAST_RETENTION_DAYS = 7;
const MAX_DAYS = 36_500;

const days = z.coerce.number({ error: 'it must be a number of days' }).int().min(0).max(MAX_DAYS);

const checkpointsConfig = fragment(
  {
    KEYWARD_AUDIT_CHECKPOINT_SECONDS: z.coerce
      .number({ error: 'it must be a number of seconds' })
      .int()
      .min(1)
      .max(3_600)
      .default(60),
  },
  (env) => ({ everyMs: env.KEYWARD_AUDIT_CHECKPOINT_SECONDS * 1000 }),
);

const anchorRetentionConfig = fragment(
  {
    KEYWARD_AUDIT_ANCHOR: z.string().optional(),
    KEYWARD_AUDIT_ANCHOR_RETENTION_DAYS: days.default(0),
  },
  (env, report) => {
    if (env.KEYWARD_AUDIT_ANCHOR === undefined && env.KEYWARD_AUDIT_ANCHOR_RETENTION_DAYS > 0)
      report('KEYWARD_AUDIT_ANCHOR_RETENTION_DAYS goes with KEYWARD_AUDIT_ANCHOR. Remove it, or set that to file or s3.');
    return { days: env.KEYWARD_AUDIT_ANCHOR_RETENTION_DAYS };
  },
);

/** 0 days: the trail is kept for ever. */
const retentionConfig = fragment(
  {
    KEYWARD_AUDIT_RETENTION_DAYS: days.default(0),
    KEYWARD_AUDIT_SIGNING: z.string().optional(),
  },
  (env, report) => {
    const keep = env.KEYWARD_AUDIT_RETENTION_DAYS;
    if (keep > 0 && keep < LEAST_RETENTION_DAYS)
      report(`KEYWARD_AUDIT_RETENTION_DAYS is not valid: it must be 0, to keep everything, or at least ${LEAST_RETENTION_DAYS}.`);
    if (keep > 0 && env.KEYWARD_AUDIT_SIGNING === undefined)
      report(
        'KEYWARD_AUDIT_RETENTION_DAYS needs KEYWARD_AUDIT_SIGNING: what is left of a trail is verified from a signed place.',
      );
    return { days: keep };
  },
);

export const auditConfig = {
  database: databaseConfig,
  nats: natsConfig,
  streams: streamsConfig,
  admin: adminConfig,
  limits: clientLimitsConfig,
  http: httpConfig(DEFAULT_HTTP_PORT),
  forward: forwardConfig,
  currency: currencyConfig,
  signing: checkpointSigningConfig,
  checkpoints: checkpointsConfig,
  /** Where copies of checkpoints are put that nobody can take back. Left out: nowhere. */
  anchor: objectStoreConfig('KEYWARD_AUDIT_ANCHOR'),
  anchorRetention: anchorRetentionConfig,
  retention: retentionConfig,
};
