import { describe, expect, it } from '@jest/globals';
import { MEASUREMENTS, parseOptions } from './options.js';

describe('parseOptions', () => {
  it('measures everything by default', () => {
    expect(parseOptions([])).toEqual({ only: MEASUREMENTS, json: undefined, measureMs: 8000 });
  });

  it('takes a choice in any case and order, and a file', () => {
    expect(parseOptions(['--only', 'p3,P1', '--json', 'out.json', '--seconds', '2'])).toEqual({
      only: ['P1', 'P3'],
      json: 'out.json',
      measureMs: 2000,
    });
  });

  it.each([[['--only', 'P99']], [['--seconds', 'soon']], [['--seconds', '0']], [['--fast']]])('refuses %j', (argv) => {
    expect(() => parseOptions(argv)).toThrow();
  });
});
