/** One row of the table, and of `--json`. */
export interface Figure {
  /** Such as `P1.c1.p50`. */
  id: string;
  name: string;
  value: number;
  unit: string;
  /** The floor measured in the same run, in the same unit; null where there is none. */
  floor: number | null;
  /** value / floor. */
  ratio: number | null;
  /** What is to be reached, in words; null for a figure that is reported only. */
  target: string | null;
  pass: boolean | null;
}

interface Target {
  text: string;
  met: (value: number, ratio: number | null) => boolean;
}

export function figure(id: string, name: string, value: number, unit: string, floor: number | null, target?: Target): Figure {
  const ratio = floor === null || floor === 0 ? null : value / floor;
  return { id, name, value, unit, floor, ratio, target: target?.text ?? null, pass: target?.met(value, ratio) ?? null };
}

export const atMost = (limit: number, unit: string): Target => ({ text: `≤ ${limit} ${unit}`, met: (value) => value <= limit });
export const atLeast = (limit: number, unit: string): Target => ({
  text: `≥ ${limit} ${unit}`.trimEnd(),
  met: (value) => value >= limit,
});
export const exactly = (wanted: number): Target => ({ text: `= ${wanted}`, met: (value) => value === wanted });
export const ratioAtMost = (limit: number): Target => ({
  text: `≤ ${limit} × floor`,
  met: (_, ratio) => ratio !== null && ratio <= limit,
});
export const ratioAtLeast = (limit: number): Target => ({
  text: `≥ ${limit} × floor`,
  met: (_, ratio) => ratio !== null && ratio >= limit,
});

function number(value: number | null): string {
  if (value === null) return '';
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 1000 ? 0 : magnitude >= 10 ? 1 : 3);
}

export function table(figures: Figure[]): string {
  const rows = [
    ['id', 'figure', 'value', 'unit', 'floor', 'ratio', 'target', ''],
    ...figures.map((row) => [
      row.id,
      row.name,
      number(row.value),
      row.unit,
      number(row.floor),
      number(row.ratio),
      row.target ?? '',
      row.pass === null ? '' : row.pass ? 'pass' : 'MISSED',
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
