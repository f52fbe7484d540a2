import { describe, expect, it } from '@jest/globals';
import { DEPLOYMENT_ORG, KeywardError, newId, type AuditEvent } from '@keyward/contracts';
import { Readings } from './readings.js';

const [ORG, UNKNOWN, MEMBER] = [newId('org'), newId('org'), newId('mbr')];
const operator = { kind: 'operator' as const, id: 'admin' };

function recorder(): { events: AuditEvent[]; readings: Readings } {
  const events: AuditEvent[] = [];
  const audit = { record: (event: AuditEvent) => Promise.resolve(void events.push(event)) };
  return { events, readings: new Readings(audit, (org) => Promise.resolve(org === ORG)) };
}

describe('readings', () => {
  it('are in the trail that was read, with who and what for, and without what was left out', async () => {
    const { events, readings } = recorder();
    const asked = { organization: ORG, user: 'ada', from: '2026-01-02T03:04:05+00:00', to: undefined };
    await readings.record({ type: 'audit.read', reader: operator, organization: ORG, asked });
    await readings.record({ type: 'usage.read', reader: { kind: 'person', id: MEMBER }, organization: ORG, asked: {} });
    expect(events).toEqual([
      expect.objectContaining({
        org: ORG,
        actor: { kind: 'admin', id: 'admin' },
        target: 'user=ada&from=2026-01-02T03:04:05+00:00',
      }),
      expect.objectContaining({ org: ORG, actor: { kind: 'admin', id: MEMBER } }),
    ]);
    expect(events[1]).not.toHaveProperty('target');
  });

  it('of all organizations, or of one without a trail, begin no chain of their own', async () => {
    const { events, readings } = recorder();
    await readings.record({ type: 'audit.read', reader: operator, organization: undefined, asked: {} });
    await readings.record({ type: 'audit.exported', reader: operator, organization: UNKNOWN, asked: { afterSeq: 3 } });
    expect(events.map(({ org, target }) => [org, target])).toEqual([
      [DEPLOYMENT_ORG, 'organization=*'],
      [DEPLOYMENT_ORG, `organization=${UNKNOWN}&afterSeq=3`],
    ]);
  });

  it('fail where they can not be recorded', async () => {
    const refusal = new KeywardError('dependency_unavailable', 'The bus is away.');
    const readings = new Readings({ record: () => Promise.reject(refusal) }, () => Promise.resolve(true));
    await expect(readings.record({ type: 'audit.read', reader: operator, organization: ORG, asked: {} })).rejects.toBe(refusal);
  });
});
