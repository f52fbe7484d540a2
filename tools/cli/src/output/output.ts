import stringWidth from 'string-width';

/** Title of a column → what stands in it. */
export type Columns<T> = Readonly<Record<string, (row: T) => string | number | null | undefined>>;

/** Control characters of a name that someone else chose could rewrite the terminal. */
const UNPRINTABLE = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '\ufffd');
}

/** JSON that means the same and can be shown: what stands in its strings is escaped where it could rewrite the terminal. */
function printableJson(value: unknown): string {
  const escape = (char: string) => (char === '\n' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return JSON.stringify(value ?? null, null, 2).replace(UNPRINTABLE, escape);
}

/** Standard output: tables for people, or the answer as it came with --json. */
export class Output {
  constructor(readonly json: boolean) {}

  /** One line; nothing with --json. */
  say(text: string): void {
    if (!this.json) process.stdout.write(`${printable(text)}\n`);
  }

  /** Something that takes long, on standard error, so that it is in nobody's way. */
  progress(text: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${printable(text)}`);
  }

  progressEnd(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  }

  answer(value: unknown, human: () => void): void {
    if (this.json) this.value(value);
    else human();
  }

  /** JSON, for people too. */
  value(value: unknown): void {
    process.stdout.write(`${printableJson(value)}\n`);
  }

  table<T>(rows: readonly T[], columns: Columns<T>, empty: string): void {
    if (rows.length === 0) return this.say(empty);
    const cell = (value: string | number | null | undefined) => printable(String(value ?? '–'));
    const lines = [Object.keys(columns), ...rows.map((row) => Object.values(columns).map((of) => cell(of(row))))];
    const widths = lines[0]?.map((_, column) => lines.reduce((most, line) => Math.max(most, stringWidth(line[column] ?? '')), 0));
    const padded = (text: string, column: number) => text + ' '.repeat((widths?.[column] ?? 0) - stringWidth(text));
    process.stdout.write(`${lines.map((line) => line.map(padded).join('  ').trimEnd()).join('\n')}\n`);
  }

  /** Name and value of each line. */
  details(values: Readonly<Record<string, string | number | null | undefined>>): void {
    const shown = Object.entries(values).filter(([, value]) => value !== undefined);
    const width = Math.max(...shown.map(([name]) => name.length));
    for (const [name, value] of shown) this.say(`${name.padEnd(width)}  ${String(value ?? '–')}`);
  }
}
