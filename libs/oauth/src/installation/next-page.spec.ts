import { describe, expect, it } from '@jest/globals';
import { nextPage } from './next-page.js';

const BASE = 'https://api.example/user/installations?page=1';

describe('the next page of a Link field (RFC 8288)', () => {
  it.each<[string | null, string | undefined]>([
    [null, undefined],
    ['', undefined],
    ['<https://api.example/x?page=2>; rel="next"', 'https://api.example/x?page=2'],
    ['<https://api.example/x?page=9>; rel="last", <https://api.example/x?page=2>; rel="next"', 'https://api.example/x?page=2'],
    ['<?page=2>;rel=next', 'https://api.example/user/installations?page=2'],
    ['</a,b;c?page=2> ; title="a, b; rel=prev" ; rel="prev Next"', undefined],
    ['</a,b;c?page=2> ; rel="prefetch NEXT"; title="x"', 'https://api.example/a,b;c?page=2'],
    ['<https://other.example/>; rel=next', 'https://other.example/'],
    ['<https://api.example/x>; rel="nextish"', undefined],
    ['<https://api.example/x; rel="next"', undefined],
    ['https://api.example/x; rel="next"', undefined],
    ['<https://[>; rel=next', 'https://['],
  ])('%j leads to %j', (link, expected) => {
    expect(nextPage(link, BASE)).toBe(expected);
  });

  it('is found in a field of any length in linear time', () => {
    for (const part of ['<', '<>;', ';', '; rel', '<a>; rel="', ' ', '<a>;rel= ']) {
      const started = performance.now();
      nextPage(part.repeat(200_000), BASE);
      expect(performance.now() - started).toBeLessThan(2_000);
    }
  });
});
