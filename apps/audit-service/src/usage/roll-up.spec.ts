import { describe, expect, it } from '@jest/globals';
import { buildAuditEvent } from '@keyward/audit';
import { newId, type AuditEvent } from '@keyward/contracts';
import { rowsOf } from './roll-up.js';
import { usageOf } from './usage-of.js';

const ORG = newId('org');
const AT = new Date('2026-03-04T23:59:59.999Z');

function counted(fields: Partial<AuditEvent>, at = AT) {
  const event = buildAuditEvent(
    {
      ...{ type: 'execution.completed', org: ORG, actor: { kind: 'agent', id: 'a' }, traceId: '0'.repeat(32) },
      ...{ agent: 'a', user: 'ada', provider: 'x', tool: 'x_y', state: 'succeeded', ...fields },
    },
    at,
  );
  return { org: event.org, at: event.at, usage: usageOf(event) };
}

describe('usage of a batch', () => {
  it('is one row for all that is alike, with exact sums', () => {
    const rows = rowsOf([
      counted({ attempts: 1, durationMs: 0.4, costMicros: 100_000 }),
      counted({ attempts: 2, durationMs: 0.4, costMicros: 200_000 }),
      counted({ attempts: 0 }),
    ]);
    expect(rows).toEqual([
      {
        key: [ORG, '2026-03-04', 'a', 'ada', 'x', 'x_y', 'succeeded'],
        calls: 3,
        attempts: 3,
        durationMs: 0.8,
        costMicros: 300_000,
      },
    ]);
  });

  it.each([
    ['day', counted({}, new Date('2026-03-05T00:00:00.000Z'))],
    ['organization', counted({ org: newId('org') })],
    ['agent', counted({ agent: 'b' })],
    ['user', counted({ user: 'grace' })],
    ['connector', counted({ provider: 'z' })],
    ['tool', counted({ tool: 'x_z' })],
    ['state', counted({ state: 'denied' })],
  ])('is another row for another %s', (_what, other) => {
    expect(rowsOf([counted({}), other])).toHaveLength(2);
  });

  it('is of calls that have ended, and of nothing else', () => {
    expect(rowsOf([counted({ type: 'execution.waiting' }), counted({ type: 'connection.refreshed' })])).toEqual([]);
  });

  it('counts a call of which little is known, and no absurd number', () => {
    const bare = { agent: undefined, user: undefined, provider: undefined, tool: undefined, state: undefined };
    const [row] = rowsOf([counted({ ...bare, durationMs: 1e300, attempts: Number.MAX_SAFE_INTEGER } as never)]);
    expect(row?.key.slice(2)).toEqual(['', '', '', '', 'unknown']);
    expect(row?.durationMs).toBe(10_000_000_000);
    expect(row?.attempts).toBe(1_000_000);
    expect(rowsOf([counted({ durationMs: -5 })])[0]?.durationMs).toBe(0);
  });
});
