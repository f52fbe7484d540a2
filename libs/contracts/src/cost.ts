import { z } from 'zod';

/** Millionths: what amounts are counted in, so that sums are exact. */
const MICROS = 1_000_000;
const DECIMALS = 6;
const MAX_AMOUNT = 1_000_000_000;

/** An amount of the deployment's currency as a text: `0.002`, `12.5`, `300`. Up to a billion, six decimals at most. */
export const amountSchema = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?$/, 'must be an amount such as 12.50, six decimals at most');

/** What a tool declares that one call costs, as YAML writes it: a number. */
export const declaredCostSchema = z
  .number()
  .min(0)
  .max(MAX_AMOUNT / 1_000)
  .refine(isWholeMicros, 'must have six decimals at most');

function isWholeMicros(amount: number): boolean {
  return Math.abs(amount * MICROS - Math.round(amount * MICROS)) < 1e-3;
}

/** ISO 4217 */
export const currencySchema = z.string().regex(/^[A-Z]{3}$/, 'must be a currency code such as USD');

export const costSchema = z.object({ amount: amountSchema, currency: currencySchema });
export type Cost = z.infer<typeof costSchema>;

/** @param amount as `amountSchema` and `declaredCostSchema` have it */
export function microsOf(amount: string | number): number {
  return Math.round(Number(amount) * MICROS);
}

/** The shortest text of an amount: `0.002`, `12.5`, `300`. @param micros a whole number, 0 or more */
export function amountOf(micros: number): string {
  const whole = Math.floor(micros / MICROS);
  const rest = String(micros % MICROS)
    .padStart(DECIMALS, '0')
    .replace(/0+$/, '');
  return rest === '' ? String(whole) : `${whole}.${rest}`;
}
