import type { Schema } from '../schema.js';
import type { Parameter } from './contract.js';
import type { VendorContract } from './vendor-contract.js';

/** A parameter's values are texts; what they stand for is what the schema takes. */
export function judgeTexts(contract: VendorContract, parameter: Parameter, texts: readonly string[]): string[] {
  const place = `${parameter.in} ${parameter.name}`;
  if (texts.length === 0) return parameter.required === true ? [`${place}: is required`] : [];
  return (
    fits(contract, parameter.schema, texts, parameter.explode !== false) ?? [`${place}: ${problem(contract, parameter, texts)}`]
  );
}

/** Empty where one of the readings of these texts is valid. */
function fits(contract: VendorContract, schema: Schema, texts: readonly string[], exploded: boolean): [] | undefined {
  const check = contract.ofRequest(schema);
  return readings(texts, exploded).some((reading) => check(reading).length === 0) ? [] : undefined;
}

/** Of the reading that comes nearest. */
function problem(contract: VendorContract, { schema, explode }: Parameter, texts: readonly string[]): string {
  const check = contract.ofRequest(schema);
  const found = readings(texts, explode !== false).map((reading) => check(reading));
  const inside = found.find((problems) => problems.every((one) => !/^\(the whole\): must be/.test(one)));
  return (inside ?? found[0] ?? []).slice(0, 3).join('; ');
}

function readings(texts: readonly string[], exploded: boolean): unknown[] {
  const items = exploded ? texts : texts.flatMap((text) => text.split(','));
  const single = texts.length === 1 ? [texts[0], parsed(texts[0] ?? '')] : [];
  return [...single, items, items.map(parsed)];
}

/** `5`, `true` or `[1]` as what they say; any other text as itself. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
