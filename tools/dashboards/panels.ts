/** Panels and dashboards as Grafana ≥ 10 keeps them (schema version 39), made of what differs between them. */

export type Unit = 'short' | 's' | 'bytes' | 'percentunit' | 'reqps' | 'ops' | 'cps' | 'dateTimeFromNow';

/** An expression and what its series are called; `{{label}}` is Grafana's. */
export type Query = readonly [expression: string, legend: string];

/** From which value on which colour; the first colour is below the first. */
export type Thresholds = readonly [colour: string, ...steps: readonly (readonly [from: number, colour: string])[]];

export interface PanelOptions {
  readonly title: string;
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  readonly thresholds?: Thresholds;
  /** Pages of docs/runbooks that say what to do about it, without `.md`. */
  readonly runbooks?: readonly string[];
  /** Of 24 columns. */
  readonly width?: number;
}

export interface Panel {
  readonly type: string;
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly rest: object;
}

export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const;

export const GOOD_UNTIL = (warn: number, bad: number): Thresholds => ['green', [warn, 'orange'], [bad, 'red']];
export const NONE_IS_GOOD: Thresholds = ['green', [1, 'red']];

interface Look {
  readonly type: string;
  readonly width: number;
  readonly height: number;
  readonly custom?: object;
  readonly defaults?: object;
  readonly options: object;
  readonly query?: object;
}

function panel(look: Look, of: PanelOptions): Panel {
  const [base, ...steps] = of.thresholds ?? (['green'] as const);
  return {
    type: look.type,
    title: of.title,
    width: of.width ?? look.width,
    height: look.height,
    rest: {
      description: of.description,
      datasource: DATASOURCE,
      fieldConfig: {
        defaults: {
          unit: of.unit,
          color: { mode: of.thresholds && look.type !== 'timeseries' ? 'thresholds' : 'palette-classic' },
          thresholds: {
            mode: 'absolute',
            steps: [{ color: base, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
          },
          ...(look.custom ? { custom: { ...look.custom, ...(of.thresholds ? { thresholdsStyle: { mode: 'line' } } : {}) } } : {}),
          ...look.defaults,
        },
        overrides: [],
      },
      options: look.options,
      targets: of.queries.map(([expr, legendFormat], index) => ({
        refId: String.fromCharCode(65 + index),
        ...{ datasource: DATASOURCE, editorMode: 'code', expr, legendFormat, ...look.query },
      })),
      links: (of.runbooks ?? []).map((name) => ({
        ...{ title: `Runbook: ${name.replaceAll('-', ' ')}`, url: `\${runbooks}/${name}.md`, targetBlank: true },
      })),
    },
  };
}

const LINE = { drawStyle: 'line', lineWidth: 1, fillOpacity: 8, showPoints: 'never', spanNulls: false };
const OVER_TIME = {
  legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'], showLegend: true },
  tooltip: { mode: 'multi', sort: 'desc' },
};

export function lines(of: PanelOptions & { readonly stacked?: true; readonly exemplars?: true; readonly most?: number }): Panel {
  return panel(
    {
      ...{ type: 'timeseries', width: 12, height: 8, options: OVER_TIME },
      custom: {
        ...LINE,
        stacking: { mode: of.stacked ? 'normal' : 'none', group: 'A' },
        ...(of.stacked ? { fillOpacity: 25 } : {}),
      },
      defaults: { min: 0, ...(of.most === undefined ? {} : { max: of.most }) },
      query: { range: true, exemplar: of.exemplars === true },
    },
    of,
  );
}

/** One value, or a few, as they are now. */
export function stat(of: PanelOptions): Panel {
  return panel(
    {
      ...{ type: 'stat', width: 4, height: 4, defaults: { noValue: '–' }, query: { instant: true, range: false } },
      options: {
        ...{ reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false }, textMode: 'auto', graphMode: 'none' },
        ...{ colorMode: 'value', justifyMode: 'auto', orientation: 'auto' },
      },
    },
    of,
  );
}

/** The largest as bars, over the time that is shown. */
export function ranking(of: PanelOptions): Panel {
  return panel(
    {
      ...{ type: 'bargauge', width: 12, height: 8, defaults: { min: 0 }, query: { instant: true, range: false } },
      options: {
        ...{ reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false }, orientation: 'horizontal' },
        ...{ displayMode: 'gradient', showUnfilled: true, valueMode: 'color', namePlacement: 'auto', sizing: 'auto' },
      },
    },
    of,
  );
}

/** What state something was in, over time; values are named by `states`. */
export function states(
  of: PanelOptions & { readonly states: Readonly<Record<number, readonly [text: string, color: string]>> },
): Panel {
  const options = Object.fromEntries(Object.entries(of.states).map(([value, [text, color]]) => [value, { text, color }]));
  return panel(
    {
      ...{
        type: 'state-timeline',
        width: 12,
        height: 8,
        defaults: { mappings: [{ type: 'value', options }] },
        query: { range: true },
      },
      options: { mergeValues: true, showValue: 'auto', alignValue: 'center', rowHeight: 0.8, tooltip: { mode: 'single' } },
    },
    of,
  );
}

/** A histogram over time: how many observations were in which bucket. */
export function heat(of: PanelOptions): Panel {
  return panel(
    {
      ...{ type: 'heatmap', width: 12, height: 8, query: { format: 'heatmap', range: true } },
      options: {
        ...{ calculate: false, color: { mode: 'scheme', scheme: 'Oranges', steps: 64 }, yAxis: { unit: of.unit } },
        ...{ cellGap: 1, legend: { show: true }, tooltip: { mode: 'single', yHistogram: false } },
      },
    },
    of,
  );
}
