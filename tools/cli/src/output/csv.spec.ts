import { expect, it } from '@jest/globals';
import { csvLine } from './csv.js';

it.each<[string, (string | number | null)[], string]>([
  ['plain cells', ['day', 'tool', 3], 'day,tool,3\r\n'],
  ['what must be quoted', ['a,b', 'say "x"', 'two\nlines'], '"a,b","say ""x""","two\nlines"\r\n'],
  ['nothing', [null, '', 0], ',,0\r\n'],
  ['no formula of a spreadsheet', ['=1+1', '@x', '-5', '+5'], "'=1+1,'@x,'-5,'+5\r\n"],
  ['numbers, also below zero', [-5, 0.5], '-5,0.5\r\n'],
])('writes %s', (_what, cells, line) => {
  expect(csvLine(cells)).toBe(line);
});
