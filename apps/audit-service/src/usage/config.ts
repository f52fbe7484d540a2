import { currencySchema } from '@keyward/contracts';
import { fragment } from '@keyward/service-host';

/** What the costs that tools declare are in. */
export const currencyConfig = fragment(
  { KEYWARD_COST_CURRENCY: currencySchema.default('USD') },
  (env) => env.KEYWARD_COST_CURRENCY,
);
