import { describe, expect, it } from '@jest/globals';
import { Catalog } from './catalog.js';
import { createCatalogs, type PostedConnector } from './catalogs.js';

const DEPLOYMENT = new Catalog(new Map(), new Map());

function posted(name: string, tool = `${name}_get`, version = 1): PostedConnector {
  return {
    name,
    version,
    manifest: `
name: ${name}
title: ${name} v${version}
auth: { kind: api_key }
base_url: https://api.${name}.example
origins: ['https://api.${name}.example']
`,
    tools: `
- name: ${tool}
  title: Get
  description: Gets.
  effect: read
  input: { type: object }
  request: { method: GET, path: /things }
`,
  };
}

function setUp(rows: () => readonly PostedConnector[] | Promise<readonly PostedConnector[]>) {
  const warnings: object[] = [];
  const asked: string[] = [];
  const clock = { now: 0 };
  const catalogs = createCatalogs({
    deployment: DEPLOYMENT,
    load: async (org) => {
      asked.push(org);
      return rows();
    },
    logger: { warn: (context) => warnings.push(context) },
    now: () => clock.now,
  });
  return { catalogs, warnings, asked, clock };
}

const names = (catalog: Catalog) => catalog.tools().map(({ name }) => name);

describe('catalogs of organizations', () => {
  it('are read once for many callers, kept for a while, and read anew when they changed', async () => {
    let rows = [posted('acme')];
    const { catalogs, asked, clock } = setUp(() => rows);
    const all = await Promise.all(Array.from({ length: 20 }, () => catalogs.of('org_a')));
    expect(new Set(all).size).toBe(1);
    expect(asked).toEqual(['org_a']);
    expect(names(all[0] as Catalog)).toEqual(['acme_get']);
    clock.now += 29_999;
    await catalogs.of('org_a');
    expect(asked).toHaveLength(1);
    rows = [posted('acme', 'acme_put', 2)];
    clock.now += 2;
    expect(names(await catalogs.of('org_a'))).toEqual(['acme_put']);
    rows = [];
    catalogs.forget('org_a');
    expect(names(await catalogs.of('org_a'))).toEqual([]);
    expect(asked).toHaveLength(3);
  });

  it('are one organization’s alone', async () => {
    const { catalogs } = setUp(() => []);
    const other = createCatalogs({
      deployment: DEPLOYMENT,
      load: async (org) => (org === 'org_a' ? [posted('acme')] : []),
      logger: { warn: () => undefined },
    });
    expect(await catalogs.of('org_a')).toBe(DEPLOYMENT);
    expect(names(await other.of('org_a'))).toEqual(['acme_get']);
    expect(names(await other.of('org_b'))).toEqual([]);
  });

  it('a reading that began before the change is not kept', async () => {
    const gates: PromiseWithResolvers<readonly PostedConnector[]>[] = [];
    const { catalogs } = setUp(() => {
      const gate = Promise.withResolvers<readonly PostedConnector[]>();
      gates.push(gate);
      return gate.promise;
    });
    const early = catalogs.of('org_a');
    await Promise.resolve();
    catalogs.forget('org_a');
    const late = catalogs.of('org_a');
    gates[1]?.resolve([posted('acme', 'acme_new')]);
    expect(names(await late)).toEqual(['acme_new']);
    gates[0]?.resolve([posted('acme', 'acme_old')]);
    await early;
    expect(names(await catalogs.of('org_a'))).toEqual(['acme_new']);
  });

  it('one that is broken, or takes a name that is used, is left out and told; the others stay', async () => {
    const rows = [
      posted('acme'),
      { ...posted('bad'), manifest: 'name: [' },
      posted('clash', 'acme_get'),
      { ...posted('evil'), manifest: posted('evil').manifest.replaceAll('https://api.evil.example', 'http://127.0.0.1') },
      posted('zeta'),
    ];
    const { catalogs, warnings } = setUp(() => rows);
    const catalog = await catalogs.of('org_a');
    expect(names(catalog)).toEqual(['acme_get', 'zeta_get']);
    expect(warnings).toMatchObject([{ connector: 'bad' }, { connector: 'clash' }, { connector: 'evil' }]);
  });

  it('their tools check arguments all the same', async () => {
    const { catalogs } = setUp(() => [posted('acme')]);
    const tool = (await catalogs.of('org_a')).tool('acme_get');
    await expect(tool.validateArguments({})).resolves.toBeUndefined();
    await expect(tool.validateArguments({ extra: 1 })).rejects.toThrow('/extra: is not an argument of this tool');
  });

  it('a connector that did not change keeps its compiled tools', async () => {
    const { catalogs } = setUp(() => [posted('acme')]);
    const before = (await catalogs.of('org_a')).tool('acme_get');
    catalogs.forget('org_a');
    expect((await catalogs.of('org_a')).tool('acme_get')).toBe(before);
  });

  it('where they can not be read the last known ones stay, and the failure is not kept where there are none', async () => {
    let broken = true;
    const { catalogs, asked, clock } = setUp(() => {
      if (broken) throw new Error('away');
      return [posted('acme')];
    });
    await expect(catalogs.of('org_a')).rejects.toThrow('away');
    broken = false;
    expect(names(await catalogs.of('org_a'))).toEqual(['acme_get']);
    broken = true;
    clock.now += 60_000;
    expect(names(await catalogs.of('org_a'))).toEqual(['acme_get']);
    expect(names(await catalogs.of('org_a'))).toEqual(['acme_get']);
    expect(asked).toHaveLength(3);
    broken = false;
    clock.now += 1_001;
    await catalogs.of('org_a');
    expect(asked).toHaveLength(4);
  });

  it('are made of the deployment’s connectors as they are now, and keep what they have while they can not be read', async () => {
    const { catalog: other } = await createdOf([posted('theirs')]);
    const deployment = { current: DEPLOYMENT };
    let reads = 0;
    let isAway = false;
    const catalogs = createCatalogs({
      deployment,
      load: async () => {
        reads += 1;
        if (isAway) throw new Error('away');
        return [posted('acme')];
      },
      logger: { warn: () => undefined },
      now: () => 0,
    });
    expect(names(await catalogs.of('org_a'))).toEqual(['acme_get']);
    deployment.current = other;
    expect(names(await catalogs.of('org_a')).sort()).toEqual(['acme_get', 'theirs_get']);
    expect(reads).toBe(2);
    isAway = true;
    deployment.current = DEPLOYMENT;
    for (const _again of [1, 2, 3]) expect(names(await catalogs.of('org_a')).sort()).toEqual(['acme_get', 'theirs_get']);
    expect(reads).toBe(3);
  });
});

async function createdOf(rows: PostedConnector[]) {
  const { catalogs } = setUp(() => rows);
  return { catalog: await catalogs.of('org_other') };
}
