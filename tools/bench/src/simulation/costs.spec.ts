import { describe, expect, it } from '@jest/globals';
import { figure, type Figure } from '../figure.js';
import { measuredCosts } from './costs.js';

const PROCESSES = [
  'token-refresher',
  'auth-service',
  'PostgreSQL',
  'token-endpoint',
  'nats',
  'audit-service',
  'tool-executor',
  'gateway',
];
const FIGURES: Figure[] = [
  ...PROCESSES.map((of) => figure(`P4.sandbox.cpu.${of}`, of, 800, 'µs', null)),
  figure('P16.due.p50', 'claim', 4, 'ms', null),
];
const sum = (ms: object) => Object.values(ms as Record<string, number>).reduce((total, one) => total + one, 0);

describe('measuredCosts', () => {
  it('shares out what was measured, and no more', () => {
    const { replicaMs, databaseMs, othersMs } = measuredCosts(FIGURES);
    expect(sum(replicaMs)).toBeCloseTo(1.6);
    expect(databaseMs.begin + databaseMs.commit + databaseMs.relay + databaseMs.claim / 16).toBeCloseTo(0.8);
    expect(othersMs).toBeCloseTo(5 * 0.8);
  });

  it('says which figure is missing', () => {
    expect(() => measuredCosts(FIGURES.slice(1))).toThrow('P4.sandbox.cpu.token-refresher');
  });
});
