import { currencySchema } from '@keyward/contracts';
import { fragment } from './fragment.js';

/** ISO 4217: the one that tools declare their cost in, and budgets their limits. */
export const currencyConfig = fragment(
  { KEYWARD_COST_CURRENCY: currencySchema.default('USD') },
  (env) => env.KEYWARD_COST_CURRENCY,
);
