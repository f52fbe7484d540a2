import { readFileSync } from 'node:fs';
import { Gauge, type Registry } from 'prom-client';

/** All packages of the workspace have one version: this one's. */
export function observeBuild(registry: Registry): void {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  new Gauge({ name: 'build_info', help: '1, with the version that runs.', labelNames: ['version'], registers: [registry] }).set(
    { version },
    1,
  );
}
