import { describe, expect, it } from '@jest/globals';
import { play, type Declared, type QuirkRow } from './quirk-flow.js';

/** Every row three times: as declared it works; without its fields it does not; and without any single one of them it does not. */
export function quirkTable(title: string, rows: readonly QuirkRow[]): void {
  describe(title, () => {
    it.each(rows)('$row', async (row) => {
      await play(row);
    });
  });

  describe(`${title}, where the manifest does not say it`, () => {
    it.each(rows)('$row: fails', async (row) => {
      await expect(play({ ...row, declared: row.ignored ?? (() => ({})) })).rejects.toBeInstanceOf(Error);
    });

    it.each(rows.flatMap(withoutEach))('$row: fails', async (row) => {
      await expect(play(row)).rejects.toBeInstanceOf(Error);
    });
  });
}

function withoutEach(row: QuirkRow): QuirkRow[] {
  const fields = pointersOf(row.declared('http://127.0.0.1:1')).filter((field) => row.spare?.includes(field) !== true);
  return fields.map((field) => ({
    ...row,
    row: `${row.row}, without ${field}`,
    declared: (url) => without(row.declared(url), field) as Declared,
  }));
}

/** Of every text, number and truth value. */
function pointersOf(node: unknown, pointer = ''): string[] {
  if (typeof node !== 'object' || node === null) return [pointer];
  return Object.entries(node).flatMap(([name, value]) => pointersOf(value, `${pointer}/${name.replaceAll('/', '~1')}`));
}

function without(node: unknown, field: string, pointer = ''): unknown {
  if (typeof node !== 'object' || node === null) return node;
  const kept = Object.entries(node)
    .map(([name, value]): [string, string, unknown] => [name, `${pointer}/${name.replaceAll('/', '~1')}`, value])
    .filter(([, at]) => at !== field)
    .map(([name, at, value]): [string, unknown] => [name, without(value, field, at)]);
  return Array.isArray(node) ? kept.map(([, value]) => value) : Object.fromEntries(kept);
}
