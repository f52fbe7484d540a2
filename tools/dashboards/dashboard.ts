import { DATASOURCE, type Panel } from './panels.js';

export interface Section {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A choice above the dashboard, of the values that a label has. */
export interface Choice {
  readonly name: string;
  readonly label: string;
  /** `label_values(…)` */
  readonly values: string;
}

export interface DashboardOptions {
  /** In the address of the dashboard: never changes, so that links stay. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly from?: string;
  readonly choices?: readonly Choice[];
  readonly sections: readonly Section[];
}

/** The chart puts the address of `metrics.prometheusRule.runbookBaseUrl` in place of the part before `/docs`. */
const RUNBOOKS = 'https://github.com/keyward/keyward/blob/main/docs/runbooks';

const COLUMNS = 24;

/** A dashboard as Grafana imports and provisions it, without the ids that a database gives. */
export function dashboard(of: DashboardOptions): object {
  return {
    ...{ uid: of.uid, title: `Keyward / ${of.title}`, description: of.description, tags: ['keyward'] },
    ...{ schemaVersion: 39, version: 1, editable: true, graphTooltip: 1, fiscalYearStartMonth: 0, liveNow: false },
    ...{ time: { from: of.from ?? 'now-6h', to: 'now' }, timezone: 'browser', refresh: '30s', weekStart: '' },
    links: [
      {
        ...{ type: 'dashboards', title: 'Keyward', tags: ['keyward'], asDropdown: true, includeVars: true, keepTime: true },
        ...{ targetBlank: false, url: '', icon: 'external link', tooltip: '' },
      },
      {
        ...{ type: 'link', title: 'Runbooks', url: '${runbooks}/README.md', targetBlank: true, icon: 'doc', tags: [] },
        ...{ asDropdown: false, includeVars: false, keepTime: false, tooltip: 'What to do about each alert' },
      },
    ],
    annotations: { list: [firing()] },
    templating: { list: [...base(), ...(of.choices ?? []).map(choice)] },
    panels: placed(of.sections),
  };
}

function firing(): object {
  return {
    ...{ name: 'Alerts', enable: true, hide: false, iconColor: 'red', datasource: DATASOURCE, step: '60s' },
    ...{ expr: 'ALERTS{alertname=~"Keyward.*", alertstate="firing", severity="page"}', titleFormat: '{{alertname}}' },
    ...{ textFormat: '{{provider}} {{service}} {{stream}}', useValueForTime: false },
  };
}

function base(): object[] {
  return [
    {
      ...{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', regex: '', refresh: 1, hide: 0 },
      ...{ multi: false, includeAll: false, options: [], current: {}, skipUrlSync: false },
    },
    // Where one Prometheus watches several deployments: namespace, cluster, whatever tells them apart there.
    { name: 'filters', label: 'Filters', type: 'adhoc', datasource: DATASOURCE, filters: [], hide: 0, skipUrlSync: false },
    {
      ...{ name: 'runbooks', label: 'Runbooks', type: 'constant', query: RUNBOOKS, hide: 2, skipUrlSync: true },
      ...{ current: { text: RUNBOOKS, value: RUNBOOKS }, options: [] },
    },
  ];
}

function choice({ name, label, values }: Choice): object {
  return {
    ...{
      name,
      label,
      type: 'query',
      datasource: DATASOURCE,
      definition: values,
      query: { query: values, refId: `choice-${name}` },
    },
    ...{ multi: true, includeAll: true, allValue: '.*', current: { selected: true, text: ['All'], value: ['$__all'] } },
    ...{ refresh: 2, sort: 1, regex: '', options: [], hide: 0, skipUrlSync: false },
  };
}

/** Panels from left to right and top to bottom, each section below its title. */
function placed(sections: readonly Section[]): object[] {
  const all: object[] = [];
  let y = 0;
  for (const section of sections) {
    all.push({
      ...{ id: all.length + 1, type: 'row', title: section.title, collapsed: false, panels: [] },
      gridPos: { h: 1, w: COLUMNS, x: 0, y },
    });
    y += 1;
    let x = 0;
    let tallest = 0;
    for (const { type, title, width, height, rest } of section.panels) {
      if (x + width > COLUMNS) {
        y += tallest;
        x = 0;
        tallest = 0;
      }
      all.push({ id: all.length + 1, type, title, gridPos: { h: height, w: width, x, y }, ...rest });
      x += width;
      tallest = Math.max(tallest, height);
    }
    y += tallest;
  }
  return all;
}
