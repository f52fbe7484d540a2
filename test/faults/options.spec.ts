import { describe, expect, it } from '@jest/globals';
import { parseOptions } from './options.js';

describe('options of the proof', () => {
  it.each([
    [[], { seeds: 200, first: 1, point: '' }],
    [['--seeds', '3', '--from', '7'], { seeds: 3, first: 7, point: '' }],
    [['--seeds', '0'], { seeds: 0, first: undefined, point: '' }],
    [['--seed', '42'], { seeds: 1, first: 42, point: undefined }],
    [['--no-points'], { seeds: 200, first: 1, point: undefined }],
    [['--point', 'begun'], { seeds: 0, first: undefined, point: 'begun' }],
  ])('%j', (argv, { seeds, first, point }) => {
    const options = parseOptions(argv);
    expect([options?.seeds.length, options?.seeds[0], options?.point]).toEqual([seeds, first, point]);
  });

  it.each([['--seeds', '-1'], ['--seeds', 'many'], ['--seed', '1.5'], ['--seed', '1', '--seeds', '2'], ['--unknown']])(
    'are refused with a sentence: %j %j',
    (...argv) => {
      expect(() => parseOptions(argv.filter((one) => typeof one === 'string'))).toThrow();
    },
  );

  it('explains itself', () => {
    expect(parseOptions(['--help'])).toBeUndefined();
  });
});
