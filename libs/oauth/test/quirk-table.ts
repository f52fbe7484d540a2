import { describe, expect, it } from '@jest/globals';
import { play, type QuirkRow } from './quirk-flow.js';

/** Every row twice: as declared it works, and without its fields it does not, so that no field is ignored unseen. */
export function quirkTable(title: string, rows: readonly QuirkRow[]): void {
  describe(title, () => {
    it.each(rows)('$row', async (row) => {
      await play(row);
    });
  });

  describe(`${title}, not declared`, () => {
    it.each(rows)('$row: fails', async (row) => {
      await expect(play(row, true)).rejects.toBeInstanceOf(Error);
    });
  });
}
