import { describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { cursorAfter, parseUsageQuery } from './usage-query.js';

const NOW = new Date('2026-03-31T23:59:59.999Z');
const parse = (query: Record<string, unknown>) => parseUsageQuery(query, NOW);

describe('a question about usage', () => {
  it('is about the last 30 days by tool where it says nothing', () => {
    expect(parse({})).toEqual({
      filter: {},
      groupBy: ['tool'],
      from: '2026-03-02',
      to: '2026-03-31',
      after: undefined,
      limit: 100,
    });
  });

  it('keeps the order of what it groups by, and begins 30 days before the day it ends with', () => {
    expect(parse({ groupBy: 'day,organization,agent', to: '2026-01-31', limit: '5' })).toMatchObject({
      groupBy: ['day', 'organization', 'agent'],
      from: '2026-01-02',
      to: '2026-01-31',
      limit: 5,
    });
  });

  it('goes on where a page ended, of the same groups alone', () => {
    const cursor = cursorAfter(['day', 'tool'], ['2026-03-05', 'a,b "c"']);
    expect(parse({ groupBy: 'day,tool', cursor }).after).toEqual(['2026-03-05', 'a,b "c"']);
    for (const groupBy of ['tool,day', 'day', 'day,tool,user']) expect(() => parse({ groupBy, cursor })).toThrow(/cursor/);
  });

  it.each([
    ['an unknown dimension', { groupBy: 'hour' }],
    ['no dimension', { groupBy: '' }],
    ['a dimension twice', { groupBy: 'day,day' }],
    ['a list', { groupBy: ['day', 'tool'] }],
    ['a moment for a day', { from: '2026-03-01T00:00:00Z' }],
    ['a day that does not exist', { to: '2026-02-30' }],
    ['days in the wrong order', { from: '2026-03-02', to: '2026-03-01' }],
    ['an organization that is none', { organization: '*' }],
    ['an agent that is none', { agent: `${newId('agt')}' OR true` }],
    ['an unknown parameter', { org: newId('org') }],
    ['too many at once', { limit: '1001' }],
    ['a cursor that is none', { cursor: 'x' }],
    ['a cursor with another day', { groupBy: 'day', cursor: cursorAfter(['day'], ['yesterday']) }],
    ['a cursor with NUL', { cursor: cursorAfter(['tool'], ['a\0']) }],
    ['a cursor of something else', { cursor: Buffer.from('{"a":1}').toString('base64url') }],
  ])('is refused with %s', (_what, query) => {
    expect(() => parse(query)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
