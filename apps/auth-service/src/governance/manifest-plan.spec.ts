import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadCatalog } from '@keyward/connectors';
import { agentManifestSchema } from '@keyward/contracts';
import { assignmentsOf } from './manifest-plan.js';

const CONNECTORS = join(import.meta.dirname, '../../../../connectors');
const dir = mkdtempSync(join(tmpdir(), 'keyward-manifest-'));
for (const name of ['jira', 'trello', 'unified']) symlinkSync(join(CONNECTORS, name), join(dir, name));
const catalog = loadCatalog(dir, {});
afterAll(() => rmSync(dir, { recursive: true }));

const plan = (tools: readonly (readonly [name: string, connector: string])[], permissions = {}) =>
  assignmentsOf(
    catalog,
    agentManifestSchema.parse({ agent: 'helper', tools: tools.map(([name, connector]) => ({ name, connector })), permissions }),
  );

describe('a manifest that names unified tools', () => {
  it('assigns the tools behind them, each of the connector that it names', () => {
    const write = { jira: 'write', trello: 'write' };
    const tools = [
      ['tasks.create', 'jira'],
      ['tasks_create', 'trello'],
      ['tasks.list', 'jira'],
      ['jira_get_issue', 'jira'],
    ] as const;
    expect(plan(tools, write)).toEqual([
      { connector: 'jira', permission: 'write', tools: ['jira_create_issue', 'jira_get_issue', 'jira_search_issues'] },
      { connector: 'trello', permission: 'write', tools: ['trello_create_card'] },
    ]);
  });

  it.each([
    ['of a connector that has none of it', [['messages.send', 'jira']], {}, '/tools/0/name: the connector has no such tool'],
    ['beyond the permission', [['tasks.create', 'jira']], {}, '/tools/0/name: the effect of this tool is write'],
    [
      'beside the tool behind it',
      [
        ['tasks.list', 'jira'],
        ['jira_search_issues', 'jira'],
      ],
      {},
      '/tools/1/name: this tool is named twice',
    ],
    ['of no connector', [['tasks.create', 'unified']], {}, '/tools/0/connector: there is no such connector'],
  ] as const)('is refused %s', (_what, tools, permissions, message) => {
    expect(() => plan(tools, permissions)).toThrow(message);
  });
});
