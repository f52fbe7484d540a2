import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Catalog } from '@keyward/connectors';
import { checkContracts, vendorConnectors, type ConnectorReport } from './check.js';
import { loadConnectors } from './load.js';

const CONNECTORS = join(import.meta.dirname, '../../../../connectors');
const CATALOG_OF_TOOLS = 130;

/** Vendor → how many tools it has at least. */
const VENDORS: Readonly<Record<string, number>> = {
  asana: 6,
  figma: 6,
  github: 20,
  google_workspace: 17,
  hubspot: 6,
  instagram: 10,
  intercom: 6,
  jira: 6,
  linear: 6,
  microsoft_365: 14,
  notion: 6,
  salesforce: 6,
  slack: 12,
  trello: 6,
  zendesk: 6,
};

/** Names that agents were promised. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  instagram: [
    'instagram_get_account_insights',
    'instagram_get_media_insights',
    'instagram_get_profile',
    'instagram_list_media',
    'instagram_publish_carousel',
    'instagram_publish_photo',
    'instagram_publish_reel',
    'instagram_publish_story',
    'instagram_reply_comment',
    'instagram_validate_token',
  ],
  google_workspace: [
    'calendar_create_event',
    'calendar_delete_event',
    'calendar_list_events',
    'calendar_query_free_busy',
    'calendar_update_event',
    'drive_create_file',
    'drive_list_files',
    'drive_list_permissions',
    'drive_read_document',
    'drive_read_spreadsheet',
    'drive_search_files',
    'gmail_get_message',
    'gmail_list_messages',
    'gmail_modify_labels',
    'gmail_reply_to_message',
    'gmail_send_message',
    'gmail_set_read_status',
  ],
};

/** Vendors that publish no description that may be stored here. */
const UNDESCRIBED = ['intercom', 'zendesk'];

let reports: readonly ConnectorReport[];
let catalog: Catalog;
const names = Object.keys(VENDORS);
beforeAll(async () => {
  catalog = loadConnectors(CONNECTORS, names);
  reports = await checkContracts(CONNECTORS, names, catalog);
}, 60_000);

const report = (connector: string) => reports.find((one) => one.connector === connector)?.tools ?? [];

describe('the catalog', () => {
  it('has the vendors that it names, and in all no fewer tools than it says', () => {
    expect(vendorConnectors(CONNECTORS)).toEqual(expect.arrayContaining(names));
    expect(catalog.tools().length).toBeGreaterThanOrEqual(CATALOG_OF_TOOLS);
    for (const [connector, least] of Object.entries(VENDORS))
      expect([connector, catalog.toolsOf(connector).length >= least]).toEqual([connector, true]);
  });

  it.each(Object.entries(NAMED))('%s has exactly the names that were promised', (connector, promised) => {
    expect(
      catalog
        .toolsOf(connector)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(promised);
  });

  it('tells a model of every tool what to choose it by, in 40 to 600 characters', () => {
    const wrong = catalog.tools().filter(({ description }) => description.length < 40 || description.length > 600);
    expect(wrong.map(({ name, description }) => `${name} ${description.length}`)).toEqual([]);
  });

  it('asks for no scope that its connector does not tell people about, and for some wherever a write needs one', () => {
    const wrong = catalog.tools().filter(({ provider, scopes, effect }) => {
      const told = 'scopes' in provider.auth ? Object.keys(provider.auth.scopes.descriptions) : [];
      if (told.length === 0) return scopes.length > 0;
      if (scopes.length === 0) return effect !== 'read';
      return !scopes.some((set) => set.every((scope) => told.includes(scope)));
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  it('names no argument that says nothing of itself', () => {
    const silent = catalog.tools().flatMap(({ name, inputSchema }) =>
      Object.entries((inputSchema['properties'] ?? {}) as Record<string, Record<string, unknown>>)
        .filter(([, schema]) => typeof schema['description'] !== 'string')
        .map(([argument]) => `${name} ${argument}`),
    );
    expect(silent).toEqual([]);
  });
});

describe('every tool’s requests, against what the vendor describes', () => {
  it.each(names)('%s', (connector) => {
    expect(report(connector).flatMap(({ problems }) => problems)).toEqual([]);
    expect(
      report(connector)
        .filter(({ shaped }) => !shaped)
        .map(({ tool }) => tool),
    ).toEqual([]);
  });

  it('are checked against a description, or cite the page and day that they were read on', () => {
    const tools = reports.flatMap(({ tools: some }) => some);
    const cited = tools.filter(({ described }) => described === 'not');
    expect(cited.filter(({ documentation, checked }) => documentation === null || checked === undefined)).toEqual([]);
    for (const connector of names.filter((name) => !UNDESCRIBED.includes(name)))
      expect([connector, report(connector).some(({ described }) => described !== 'not')]).toEqual([connector, true]);
  });

  it.each(names.filter((name) => !UNDESCRIBED.includes(name)))(
    '%s: its contract names the file it was taken from',
    (connector) => {
      const file = connector === 'linear' ? 'contract.graphql' : 'contract.json';
      const text = readFileSync(join(CONNECTORS, connector, file), 'utf8');
      expect(text).toMatch(/[0-9a-f]{64}/);
      expect(text).toMatch(/MIT|Apache-2\.0|CC0|Facebook|none stated/);
      expect(text).not.toMatch(/"(?:description|summary)":"[^"]/);
    },
  );
});
