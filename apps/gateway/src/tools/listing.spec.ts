import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCatalog, type Catalog } from '@keyward/connectors';
import type { Assignment } from '@keyward/contracts';
import { Assignments, requireAssigned } from './assignments.js';
import { ToolIndex, toListing, type ToolPage } from './listing.js';

const MANIFEST = (name: string) => `
name: ${name}
title: ${name}
auth:
  kind: oauth2_authorization_code
  authorization_endpoint: https://${name}.example/auth
  token_endpoint: https://${name}.example/token
  scopes: { default: [] }
refresh: { rotates: false }
base_url: https://${name}.example
origins: [https://${name}.example]
`;

const tool = (name: string, effect: string) => `
- name: ${name}
  title: Tool ${name}
  description: Does ${effect} things.
  effect: ${effect}
  input: { type: object, properties: {} }
  request: { method: GET, path: /x }
`;

let dir: string;
let catalog: Catalog;
let index: ToolIndex;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyward-catalog-'));
  for (const name of ['many', 'few']) mkdirSync(join(dir, name));
  writeFileSync(join(dir, 'many', 'connector.yaml'), MANIFEST('many'));
  const names = Array.from({ length: 230 }, (_, i) => `many_${String(i).padStart(3, '0')}`);
  writeFileSync(join(dir, 'many', 'tools.yaml'), names.map((name) => tool(name, 'read')).join(''));
  writeFileSync(join(dir, 'few', 'connector.yaml'), MANIFEST('few'));
  writeFileSync(join(dir, 'few', 'tools.yaml'), ['read', 'write', 'destructive'].map((e) => tool(`few_${e}`, e)).join(''));
  catalog = loadCatalog(dir, {});
  index = new ToolIndex(catalog);
});
afterAll(() => rmSync(dir, { recursive: true }));

const assigned = (...assignments: Assignment[]) => new Map(assignments.map((one) => [one.connector, one]));
const all = (connector: string): Assignment => ({ connector, permission: 'destructive', tools: null });
const names = (page: ToolPage) => page.tools.map((listed) => ('tool' in listed ? listed.tool : listed.unified).name);

describe('the list of tools', () => {
  it('shows nothing to an agent without assignments', () => {
    expect(index.page({}, new Map())).toEqual({ tools: [], nextCursor: null });
  });

  it.each([
    ['read', ['few_read']],
    ['write', ['few_read', 'few_write']],
    ['destructive', ['few_destructive', 'few_read', 'few_write']],
  ] as const)('goes up to the effect that permission %s allows', (permission, expected) => {
    expect(names(index.page({}, assigned({ connector: 'few', permission, tools: null })))).toEqual(expected);
  });

  it('holds only the tools that an assignment names, if it names any', () => {
    const assignments = assigned({ connector: 'few', permission: 'destructive', tools: ['few_write'] });
    expect(names(index.page({}, assignments))).toEqual(['few_write']);
    expect(() => requireAssigned(catalog.tool('few_read'), assignments)).toThrow(
      expect.objectContaining({ code: 'tool_not_assigned' }),
    );
  });

  it('is complete and without repetition over all pages', () => {
    const assignments = assigned(all('many'), all('few'));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = index.page(cursor === undefined ? {} : { cursor }, assignments);
      seen.push(...names(page));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual([...catalog.tools()].map(({ name }) => name).sort());
  });

  it('is narrowed by connector and by every word of a search', () => {
    const assignments = assigned(all('many'), all('few'));
    expect(names(index.page({ connector: 'few' }, assignments))).toHaveLength(3);
    expect(names(index.page({ search: 'DOES write' }, assignments))).toEqual(['few_write']);
    expect(names(index.page({ search: 'write nothing' }, assignments))).toEqual([]);
  });

  it('does not take the cursor of one search for another', () => {
    const assignments = assigned(all('many'));
    const { nextCursor } = index.page({ search: 'many' }, assignments);
    expect(() => index.page({ search: 'tool', cursor: nextCursor as string }, assignments)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  it('tells name, schema, effect, scopes and the connection’s status', () => {
    expect(toListing({ tool: catalog.tool('few_read') }, new Map([['few', 'active']]))).toMatchObject({
      name: 'few_read',
      connector: 'few',
      connectors: ['few'],
      effect: 'read',
      scopes: [],
      inputSchema: { type: 'object' },
      outputSchema: null,
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
      documentation: null,
      connectionStatus: 'active',
    });
  });
});

describe('assignments', () => {
  it('are loaded once for a crowd, again after a failure, and again when the agent is revoked', async () => {
    let loads = 0;
    let fails = true;
    const assignments = new Assignments(async () => {
      loads++;
      if (fails) throw new Error('down');
      return assigned(all('few'));
    });
    await expect(assignments.of('org_1', 'agt_1')).rejects.toThrow('down');
    fails = false;
    await Promise.all(Array.from({ length: 20 }, () => assignments.of('org_1', 'agt_1')));
    expect(loads).toBe(2);
    assignments.forget({ kind: 'agent', org: 'org_1', agent: 'agt_1' });
    await assignments.of('org_1', 'agt_1');
    expect(loads).toBe(3);
  });

  it('of agents of the same name in two organizations are kept apart', async () => {
    const assignments = new Assignments(async (org) => (org === 'org_1' ? assigned(all('few')) : new Map()));
    expect((await assignments.of('org_1', 'agt_1')).size).toBe(1);
    expect((await assignments.of('org_2', 'agt_1')).size).toBe(0);
  });
});
