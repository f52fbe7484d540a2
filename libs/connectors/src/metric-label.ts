import type { Catalog } from './catalog.js';

/** How a connector is called in metrics. */
export type ConnectorLabel = (connector: string) => string;

/** Stands for every connector that is not the deployment's: there is no bound on those, and their names are nobody else's business. */
export const POSTED_LABEL = 'posted';

/** A connector of the deployment by its name; whatever organizations posted is one label, however many there are. */
export function connectorLabel(deployment: { readonly current: Pick<Catalog, 'connector'> }): ConnectorLabel {
  return (connector) => (deployment.current.connector(connector) === undefined ? POSTED_LABEL : connector);
}

/** Values of connectors as values of labels: of those that have one label, `combine` makes one. */
export function byLabel(
  values: ReadonlyMap<string, number>,
  labelOf: ConnectorLabel,
  combine: (one: number, other: number) => number,
): Map<string, number> {
  const combined = new Map<string, number>();
  for (const [connector, value] of values) {
    const label = labelOf(connector);
    const other = combined.get(label);
    combined.set(label, other === undefined ? value : combine(other, value));
  }
  return combined;
}
