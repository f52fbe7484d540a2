import { describe, expect, it } from '@jest/globals';
import { byLabel, connectorLabel } from './metric-label.js';

const ofDeployment = { connector: (name: string) => (name === 'github' ? ({ name } as never) : undefined) };

describe('the label of a connector in metrics', () => {
  const labelOf = connectorLabel({ current: ofDeployment });

  it('is its name for one of the deployment, and the same for all that organizations posted', () => {
    expect(['github', 'acme_internal', 'org_0123', ''].map(labelOf)).toEqual(['github', 'posted', 'posted', 'posted']);
  });

  it('is of the catalog that is loaded now', () => {
    const watched = { current: ofDeployment };
    const label = connectorLabel(watched);
    watched.current = { connector: () => undefined };
    expect(label('github')).toBe('posted');
  });

  it('combines the values of those that share one', () => {
    const values = new Map([
      ['a', 1],
      ['github', 0],
      ['b', 2],
    ]);
    expect([...byLabel(values, labelOf, Math.max)]).toEqual([
      ['posted', 2],
      ['github', 0],
    ]);
  });
});
