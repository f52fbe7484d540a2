import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { CRDS, KUBERNETES, KUBERNETES_VERSIONS, NATIVE_KINDS } from './catalog.js';
import { apiVersionsOf, assembleRelease, readCrds, readReleases, writeSchemas } from './stored.js';

const STORED = fileURLToPath(new URL('../../schemas', import.meta.url));
const releases = readReleases(STORED);
const crds = readCrds(STORED);

function validatorOf(minor: string, file: string): (value: unknown) => boolean {
  const directory = mkdtempSync(join(tmpdir(), 'keyward-schemas-'));
  try {
    writeSchemas(directory, assembleRelease(releases, minor), crds);
    const schema = JSON.parse(readFileSync(join(directory, file), 'utf8')) as object;
    return new Ajv({ strict: false, logger: false }).compile(schema);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const deployment = (container: object): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'gateway', labels: { app: 'gateway' } },
  spec: {
    selector: { matchLabels: { app: 'gateway' } },
    template: { metadata: {}, spec: { containers: [{ name: 'gateway', ...container }] } },
  },
});

describe('stored schemas', () => {
  it('are those of the versions and modules that the catalog names', () => {
    expect(Object.fromEntries([...releases].map(([minor, { from }]) => [minor, from.version]))).toEqual(KUBERNETES);
    expect(crds.map(({ from: { module, version } }) => `${module} ${version}`).sort()).toEqual(
      Object.values(CRDS)
        .map(({ module, version }) => `${module} ${version}`)
        .sort(),
    );
  });

  it.each(KUBERNETES_VERSIONS)('of Kubernetes %s hold every kind, and every definition that one refers to', (minor) => {
    const { kinds, definitions } = assembleRelease(releases, minor);
    expect(Object.keys(kinds).sort()).toEqual([...NATIVE_KINDS].sort());
    const referred = [...JSON.stringify(definitions).matchAll(/#\/definitions\/([^"]+)"/g)].map(([, name]) => name);
    expect(referred.filter((name) => definitions[name ?? ''] === undefined)).toEqual([]);
  });

  it('refuse what an API server refuses', () => {
    const valid = validatorOf('1.30', 'apps/deployment_v1.json');
    expect(valid(deployment({ resources: { limits: { cpu: 1, memory: '1Gi' } } }))).toBe(true);
    expect(valid(deployment({ resource: {} }))).toBe(false);
    expect(valid(deployment({ ports: [{ containerPort: '8080' }] }))).toBe(false);
    expect(valid(deployment({ env: [{ value: 'x' }] }))).toBe(false);
  });

  it('know a field from the release on that has it', () => {
    // PodSpec.resources came with 1.32.
    const withResources = { ...deployment({}) } as { spec: { template: { spec: Record<string, unknown> } } };
    withResources.spec.template.spec['resources'] = { limits: { memory: '1Gi' } };
    expect(validatorOf('1.31', 'apps/deployment_v1.json')(withResources)).toBe(false);
    expect(validatorOf('1.32', 'apps/deployment_v1.json')(withResources)).toBe(true);
  });

  it('cover custom resources, whose metadata they hold to the same rules', () => {
    const valid = validatorOf('1.35', 'monitoring.coreos.com/podmonitor_v1.json');
    const spec = { selector: {}, podMetricsEndpoints: [{ port: 'ops' }] };
    expect(valid({ apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', metadata: { name: 'x' }, spec })).toBe(true);
    expect(valid({ apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', metadata: { labels: { a: 1 } }, spec })).toBe(
      false,
    );
    expect(
      valid({ apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', metadata: {}, spec: { ...spec, endpoint: [] } }),
    ).toBe(false);
  });

  it('tell Helm what the cluster has', () => {
    expect(apiVersionsOf(crds)).toEqual(
      expect.arrayContaining(['keda.sh/v1alpha1', 'keda.sh/v1alpha1/ScaledObject', 'gateway.networking.k8s.io/v1/HTTPRoute']),
    );
  });
});
