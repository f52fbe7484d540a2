import { Counter, type Registry } from 'prom-client';

/** Counts what became of a mounted folder of connectors that had changed; the same name in every service that has one. */
export function catalogReloads(registry: Registry): (result: 'loaded' | 'refused') => void {
  const reloads = new Counter({
    name: 'catalog_reloads_total',
    help: 'Times the mounted connectors had changed: loaded, or refused and the ones before kept',
    labelNames: ['result'],
    registers: [registry],
  });
  for (const result of ['loaded', 'refused']) reloads.inc({ result }, 0);
  return (result) => reloads.inc({ result });
}
