/** Expressions that are asked for in more than one place. */

const RATE = '$__rate_interval';

export const perSecond = (selector: string, ...by: string[]): string =>
  by.length === 0 ? `sum(rate(${selector}[${RATE}]))` : `sum by (${by.join(', ')}) (rate(${selector}[${RATE}]))`;

/** How many in the time that is shown. */
export const inAll = (selector: string, ...by: string[]): string =>
  by.length === 0 ? `sum(increase(${selector}[$__range]))` : `sum by (${by.join(', ')}) (increase(${selector}[$__range]))`;

export const quantile = (q: number, histogram: string, selector = '', ...by: string[]): string =>
  `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (rate(${histogram}_bucket${selector}[${RATE}])))`;

/** Percentiles of a histogram as three lines. */
export const percentiles = (histogram: string, selector = ''): [string, string][] =>
  ([0.5, 0.95, 0.99] as const).map((q) => [quantile(q, histogram, selector), `p${q * 100}`]);

/** Of what all replicas report alike. */
export const same = (selector: string, ...by: string[]): string =>
  by.length === 0 ? `max(${selector})` : `max by (${by.join(', ')}) (${selector})`;
