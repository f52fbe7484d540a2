import { z } from 'zod';
import { fragment } from '../config/fragment.js';

export interface ClientLimits {
  /** Proxies of ours that append to X-Forwarded-For. */
  trustedProxies: number;
  /** Requests per minute and client address at routes that anyone may call. */
  publicPerMinute: number;
  /** Failed authentications in a row before an address must wait; one per second is forgiven. */
  failedAuthentications: number;
}

const count = (max: number) => z.coerce.number({ error: 'it must be a number' }).int().min(1).max(max);

/** How much one client may ask before it is somebody. */
export const clientLimitsConfig = fragment(
  {
    KEYWARD_TRUSTED_PROXIES: z.coerce
      .number({ error: 'it must be a number' })
      .int()
      .min(0)
      .max(10)
      .default(0)
      .describe('how many proxies of yours are in front and append to X-Forwarded-For'),
    KEYWARD_PUBLIC_REQUESTS_PER_MINUTE: count(1_000_000).default(120),
    KEYWARD_FAILED_AUTHENTICATIONS: count(1_000_000).default(30),
  },
  (env): ClientLimits => ({
    trustedProxies: env.KEYWARD_TRUSTED_PROXIES,
    publicPerMinute: env.KEYWARD_PUBLIC_REQUESTS_PER_MINUTE,
    failedAuthentications: env.KEYWARD_FAILED_AUTHENTICATIONS,
  }),
);
