import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { dashboards } from '../../tools/dashboards/dashboards.js';
import { dashboardFiles, expressions, origins, type PanelJson } from './monitoring.js';
import { selected, syntaxErrors } from './promql.js';

/** Of every series, of histograms, of those that were scraped, and of Prometheus' own. */
const EVERYWHERE = ['service', 'le', 'job', 'instance', 'alertname', 'alertstate', 'severity'];

describe('expressions of alerts and dashboards', () => {
  const all = expressions();

  it('are all found', () => {
    expect(all.length).toBeGreaterThan(200);
  });

  it('are PromQL', () => {
    expect(all.flatMap(([where, expression]) => syntaxErrors(expression).map((error) => `${where} ${error}`))).toEqual([]);
  });

  it('name only metrics of docs/telemetry.md and recording rules', () => {
    const unknown = all.flatMap(([where, expression]) => origins(expression).unknown.map((name) => `${where}: ${name}`));
    expect(unknown).toEqual([]);
  });

  it('name only labels that the metrics in them have', () => {
    const unknown = all.flatMap(([where, expression]) => {
      const had = new Set([...EVERYWHERE, ...origins(expression).metrics.flatMap(({ labels }) => labels)]);
      return [...selected(expression).labels].filter((label) => !had.has(label)).map((label) => `${where}: ${label}`);
    });
    expect(unknown).toEqual([]);
  });

  it.each(['sum(rate(x[5m])', 'sum by provider (x)', 'x{a=b}'])('would not be taken as %s', (expression) => {
    expect(syntaxErrors(expression)).not.toEqual([]);
  });
});

describe('dashboards', () => {
  it('are nine, each with an address of its own', () => {
    const uids = [...dashboardFiles.values()].map(({ uid }) => uid);
    expect(new Set(uids).size).toBe(9);
    expect(uids.every((uid) => /^keyward-[a-z-]{3,30}$/.test(uid))).toBe(true);
  });

  it('are what tools/dashboards writes', () => {
    expect(Object.fromEntries(dashboardFiles)).toEqual(JSON.parse(JSON.stringify(dashboards)));
  });

  it.each([...dashboardFiles])('%s can be provisioned anywhere', (_, dashboard) => {
    expect(dashboard.id).toBeUndefined();
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(dashboard.templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([...dashboardFiles])('%s says of each panel what it shows, in which unit, of which data source', (_, dashboard) => {
    for (const panel of shown(dashboard.panels)) {
      const { title, description = '', fieldConfig, targets = [] } = panel;
      expect({ title, described: description.length > 10, unit: fieldConfig?.defaults.unit }).toEqual({
        title,
        ...{ described: true, unit: expect.stringMatching(/^[a-zA-Z]+$/) },
      });
      expect(targets.length).toBeGreaterThan(0);
      for (const of of [panel, ...targets]) expect(of.datasource?.uid).toBe('${datasource}');
    }
  });

  it.each([...dashboardFiles])('%s lays no panel over another', (_, dashboard) => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.get(`${x}/${y}`)).toBeUndefined();
          taken.set(`${x}/${y}`, title);
        }
    }
  });

  it('use only choices that they have', () => {
    for (const [file, { panels, templating }] of dashboardFiles) {
      const names = new Set(templating.list.map(({ name }) => name));
      const used = JSON.stringify(panels).matchAll(/\$\{?([a-z]\w*)/g);
      expect({ file, missing: [...used].map(([, name = '']) => name).filter((name) => !names.has(name)) }).toEqual({
        file,
        missing: [],
      });
    }
  });

  it('link only to runbooks that are there', () => {
    const links = [...dashboardFiles.values()].flatMap(({ panels }) => panels.flatMap((panel) => panel.links ?? []));
    const missing = links.map(({ url }) => url.replace('${runbooks}', 'docs/runbooks')).filter((file) => !existsSync(file));
    expect(links.length).toBeGreaterThan(50);
    expect(missing).toEqual([]);
  });
});

function shown(panels: readonly PanelJson[]): PanelJson[] {
  return panels.filter(({ type }) => type !== 'row');
}
