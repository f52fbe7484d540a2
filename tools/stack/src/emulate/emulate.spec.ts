import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadCatalog, type Catalog } from '@keyward/connectors';
import { emulatable, parseEmulated } from './emulatable.js';
import { stageConnectors } from './stage-connectors.js';

const SANDBOX = 'http://127.0.0.1:8090';
const OF_THE_SANDBOX = ['sandbox', 'sandbox_device', 'sandbox_key', 'sandbox_mcp', 'sandbox_service'];

let dir: string;
let catalog: Catalog;
beforeAll(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'keyward-emulate-')), 'connectors');
  stageConnectors(emulatable(), SANDBOX, dir);
  catalog = loadCatalog(dir, Object.fromEntries(OF_THE_SANDBOX.map((name) => [name, { url: SANDBOX }])));
}, 60_000);
afterAll(() => rmSync(join(dir, '..'), { recursive: true }));

describe('the catalog of a stack that emulates vendors', () => {
  it('is for every vendor that has a contract and a person’s grant', () => {
    expect(emulatable()).toEqual(expect.arrayContaining(['asana', 'linear', 'github', 'slack', 'google_workspace']));
    // One has an API key, one needs a parameter of each connection, one knows no scopes, one has no contract.
    for (const name of ['trello', 'jira', 'notion', 'zendesk', 'sandbox']) expect(emulatable()).not.toContain(name);
  });

  it.each(emulatable())('%s: leads to the sandbox with all that it sends, and keeps its scopes and tools', (name) => {
    const provider = catalog.connector(name);
    // Some vendors' scopes look like addresses.
    const addresses = JSON.stringify([
      { ...provider?.auth, scopes: undefined },
      provider?.refresh,
      provider?.revocation,
      provider?.base_url,
      provider?.bases,
    ]);
    expect([...addresses.matchAll(/https?:\/\/[^/"]+/g)].filter(([origin]) => origin !== SANDBOX)).toEqual([]);
    expect(provider?.base_url.startsWith(`${SANDBOX}/vendors/${name}`)).toBe(true);
    expect([provider?.origins, provider?.told_origins]).toEqual([[SANDBOX], []]);
    expect(catalog.toolsOf(name).length).toBeGreaterThan(0);
  });

  it('has every other connector as it is', () => {
    expect(catalog.connector('stripe')?.origins).toEqual(['https://api.stripe.com']);
  });
});

describe('the names that --emulate takes', () => {
  it('are those, once each', () => {
    expect(parseEmulated('asana, linear,asana')).toEqual(['asana', 'linear']);
  });

  it.each(['trello', 'asana,no such', '../asana', ','])('are told where %j is none', (text) => {
    expect(() => parseEmulated(text)).toThrow('asana, ');
  });
});
