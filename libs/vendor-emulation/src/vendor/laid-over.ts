import { isObject } from '../schema.js';

/** Objects and items of lists are joined, what is above counting; everything else replaces what is below. */
export function laidOver(below: unknown, above: unknown): unknown {
  if (Array.isArray(above)) {
    const items: unknown[] = Array.isArray(below) ? below : [];
    return above.map((item, index) => laidOver(items[index] ?? items[0], item));
  }
  if (!isObject(below) || !isObject(above)) return above;
  return { ...below, ...Object.fromEntries(Object.entries(above).map(([key, value]) => [key, laidOver(below[key], value)])) };
}
