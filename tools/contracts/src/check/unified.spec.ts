import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadCatalog, type Catalog } from '@keyward/connectors';
import { readConnectorFacts, type ConnectorFacts } from '../vendor/connector-facts.js';
import { openVendor, type Vendor } from '@keyward/vendor-emulation';
import { readSamples, sampleOf, type Samples } from '../vendor/samples.js';
import { problemsOfOutput } from './check-connector.js';
import { playTool } from './play-tool.js';
import { CALLS, FAMILIES } from './unified-calls.js';

const CONNECTORS = join(import.meta.dirname, '../../../../connectors');

let dir: string;
let catalog: Catalog;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-unified-'));
  const connectors = new Set(Object.values(FAMILIES).flatMap(({ connectors: some }) => some));
  for (const name of ['unified', ...connectors]) symlinkSync(resolve(CONNECTORS, name), join(dir, name));
  catalog = loadCatalog(dir, {});
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true }));

const known = new Map<string, { vendor: Vendor; samples: Samples; facts: ConnectorFacts }>();
function about(connector: string) {
  const folder = join(CONNECTORS, connector);
  const one = known.get(connector) ?? {
    vendor: openVendor(folder),
    samples: readSamples(folder),
    facts: readConnectorFacts(folder),
  };
  known.set(connector, one);
  return one;
}

/** @param answers of the steps, instead of those of samples.yaml */
async function played(name: string, given: Readonly<Record<string, unknown>>, answers?: Readonly<Record<string, unknown>>) {
  const { tool, argumentsOf } = catalog.call(name, given);
  const { vendor, samples, facts } = about(String(given['connector']));
  const pagination = facts.pagination.get(tool.name);
  const sample = answers === undefined ? sampleOf(samples, tool.name) : { steps: answers };
  const play = { tool, vendor, sample, pagination, connection: samples.connection };
  const { problems, output } = await playTool(play, await argumentsOf());
  return { problems: [...problems, ...problemsOfOutput(tool, output)], output };
}

/** What every connector may give, and nothing else. */
function schemaOf(name: string): { list: boolean; of: object } {
  const { properties } = catalog.unified(name)?.outputSchema as {
    properties: Record<string, { items?: { properties: object } }>;
  };
  const items = properties['items']?.items?.properties;
  return items === undefined ? { list: false, of: properties } : { list: true, of: items };
}

describe('unified tools', () => {
  it('are those that were promised, each for the connectors that were promised', () => {
    const promised = Object.values(FAMILIES).flatMap(({ tools, connectors }) =>
      tools.map((tool) => [tool, [...connectors].sort()]),
    );
    expect(catalog.unifiedTools().map((tool) => [tool.name, [...tool.toolNames.keys()]])).toEqual(
      expect.arrayContaining(promised),
    );
    expect(catalog.unifiedTools()).toHaveLength(promised.length);
  });

  it.each(CALLS.map((call) => [call.tool, call.connector, call] as const))(
    '%s for %s sends what the vendor describes, and gives what is promised of every connector',
    async (_tool, _connector, { tool, connector, calls }) => {
      for (const args of calls) {
        const { problems, output } = await played(tool, { connector, ...args });
        expect({ args, problems }).toEqual({ args, problems: [] });
        const { list, of } = schemaOf(tool);
        const all = list ? (output as { items: object[] }).items : [output as object];
        expect(all.length).toBeGreaterThan(0);
        for (const one of all) expect(Object.keys(of)).toEqual(expect.arrayContaining(Object.keys(one)));
      }
    },
  );

  it('leaves no connector’s way of a unified tool untried', () => {
    const tried = CALLS.map(({ tool, connector }) => `${tool} ${connector}`).sort();
    const all = catalog
      .unifiedTools()
      .flatMap((tool) => [...tool.toolNames.keys()].map((connector) => `${tool.name} ${connector}`));
    expect(tried).toEqual(all.sort());
  });
});
