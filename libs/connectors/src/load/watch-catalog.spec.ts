import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { watchCatalog, type WatchedCatalog } from './watch-catalog.js';

const MANIFEST = (name: string, title = name) =>
  `{ name: ${name}, title: ${title}, auth: { kind: api_key }, base_url: 'https://${name}.example', origins: ['https://${name}.example'] }`;
const TOOLS = (...names: string[]) =>
  names
    .map(
      (name) =>
        `- { name: ${name}, title: T, description: D., effect: read, input: { type: object }, request: { method: GET, path: /x } }\n`,
    )
    .join('');

let dir: string;
let watched: WatchedCatalog | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-watched-'));
});
afterEach(() => {
  watched?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function connector(name: string, tools: string, manifest = MANIFEST(name)): void {
  mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, name, 'connector.yaml'), manifest);
  writeFileSync(join(dir, name, 'tools.yaml'), tools);
}

function watch(everyMs = 0) {
  const [warnings, results]: [unknown[], string[]] = [[], []];
  const logger = { info: () => undefined, warn: (context: object) => warnings.push((context as { err: unknown }).err) };
  const catalog = watchCatalog({ dir, variables: {}, everyMs, logger, onReload: (result) => results.push(result) });
  watched = catalog;
  return {
    catalog,
    warnings,
    results,
    names: () =>
      catalog.current
        .tools()
        .map(({ name }) => name)
        .sort(),
  };
}

describe('a watched folder of connectors', () => {
  it('takes the place of what was loaded when it has changed, and leaves what has not changed as it was', async () => {
    connector('acme', TOOLS('acme_get'));
    connector('blue', TOOLS('blue_get'));
    const { catalog, names, results } = watch();
    const before = catalog.current;
    await catalog.look();
    expect(catalog.current).toBe(before);
    connector('acme', TOOLS('acme_get', 'acme_list'));
    connector('red', TOOLS('red_get'));
    await catalog.look();
    expect(names()).toEqual(['acme_get', 'acme_list', 'blue_get', 'red_get']);
    expect(catalog.current.tool('blue_get')).toBe(before.tool('blue_get'));
    expect(before.tools()).toHaveLength(2);
    rmSync(join(dir, 'red'), { recursive: true });
    await catalog.look();
    expect(names()).toEqual(['acme_get', 'acme_list', 'blue_get']);
    expect(results).toEqual(['loaded', 'loaded']);
  });

  it('keeps what was loaded while it does not load whole, says so once, and goes on when it is mended', async () => {
    connector('acme', TOOLS('acme_get'));
    connector('blue', TOOLS('blue_get'));
    const { catalog, names, warnings, results } = watch();
    connector('acme', TOOLS('acme_get', 'acme_list'));
    connector('blue', `${TOOLS('blue_get')}- { name: 7 }\n`);
    await catalog.look();
    await catalog.look();
    await catalog.look();
    expect(names()).toEqual(['acme_get', 'blue_get']);
    expect([results, warnings.length, String(warnings[0])]).toEqual([
      ['refused'],
      1,
      expect.stringContaining('blue/tools.yaml:2 (/1/name)'),
    ]);
    connector('blue', TOOLS('blue_get'));
    await catalog.look();
    expect(names()).toEqual(['acme_get', 'acme_list', 'blue_get']);
    expect(results).toEqual(['refused', 'loaded']);
  });

  it('is also looked at where tools stand in several files', async () => {
    connector('acme', TOOLS('acme_get'));
    const { catalog, names } = watch();
    await catalog.look();
    mkdirSync(join(dir, 'acme', 'tools'));
    writeFileSync(join(dir, 'acme', 'tools', 'more.yaml'), TOOLS('acme_more'));
    await catalog.look();
    expect(names()).toEqual(['acme_get', 'acme_more']);
  });

  it('refuses a name that another connector has taken meanwhile', async () => {
    connector('acme', TOOLS('acme_get'));
    connector('blue', TOOLS('blue_get'));
    const { catalog, names, warnings } = watch();
    connector('acme', TOOLS('acme_get', 'blue_get'));
    await catalog.look();
    expect(names()).toEqual(['acme_get', 'blue_get']);
    expect(String(warnings[0])).toContain('the connector "acme" already has a tool of this name');
  });

  it('that is away for a while is missed, and not forgotten', async () => {
    connector('acme', TOOLS('acme_get'));
    const { catalog, names, results } = watch();
    await catalog.look();
    renameSync(dir, `${dir}-away`);
    await catalog.look();
    await catalog.look();
    expect([names(), results]).toEqual([['acme_get'], ['refused']]);
    renameSync(`${dir}-away`, dir);
    await catalog.look();
    expect([names(), results]).toEqual([['acme_get'], ['refused']]);
  });

  it('is looked at by itself, and not any more once it is stopped', async () => {
    connector('acme', TOOLS('acme_get'));
    const seen = new Promise<void>((resolve) => {
      const logger = { info: () => resolve(), warn: () => undefined };
      watched = watchCatalog({ dir, variables: {}, everyMs: 5, logger });
    });
    connector('acme', TOOLS('acme_put'));
    await seen;
    expect(watched?.current.tools().map(({ name }) => name)).toEqual(['acme_put']);
  });
});
