import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';

const root = path.resolve(import.meta.dirname, '../..');
const BOUNDARIES = '@nx/enforce-module-boundaries';

/** [what must not be, the file it would stand in, its text, the rule that must say so] */
const forbidden: [string, string, string, string][] = [
  ['the gateway reaching for credentials', 'apps/gateway/src/forbidden.ts', "import '@keyward/credentials';", BOUNDARIES],
  [
    'the gateway reaching a secret through an adapter',
    'apps/gateway/src/forbidden.ts',
    "import '@keyward/postgres-vault';",
    BOUNDARIES,
  ],
  ['audit-service reaching for the vault', 'apps/audit-service/src/forbidden.ts', "import '@keyward/vault';", BOUNDARIES],
  ['a database driver in core', 'libs/vault/src/forbidden.ts', "import 'pg';", BOUNDARIES],
  ['Nest in core', 'libs/connectors/src/forbidden.ts', "import '@nestjs/common';", BOUNDARIES],
  ['core importing an adapter', 'libs/credentials/src/forbidden.ts', "import '@keyward/postgres';", BOUNDARIES],
  ['contracts importing core', 'libs/contracts/src/forbidden.ts', "import '@keyward/audit';", BOUNDARIES],
  ['the host importing an adapter', 'libs/service-host/src/forbidden.ts', "import '@keyward/jetstream';", BOUNDARIES],
  ['an app importing test code', 'apps/tool-executor/src/forbidden.ts', "import '@keyward/testing';", BOUNDARIES],
  ['an app importing another app', 'apps/gateway/src/forbidden.ts', "import '../../auth-service/src/main.js';", BOUNDARIES],
  [
    'an app importing a part of the test library',
    'apps/auth-service/src/forbidden.ts',
    "import '@keyward/testing/hostile-as';",
    BOUNDARIES,
  ],
  ['core importing a part of the test library', 'libs/oauth/src/forbidden.ts', "import '@keyward/testing/mtls';", BOUNDARIES],
  ['an app importing a tool', 'apps/auth-service/src/forbidden.ts', "import '@keyward/stack';", BOUNDARIES],
  ['the command line reaching for credentials', 'tools/cli/src/forbidden.ts', "import '@keyward/credentials';", BOUNDARIES],
  ['the command line importing an app', 'tools/cli/src/forbidden.ts', "import '../../../apps/gateway/src/main.js';", BOUNDARIES],
  [
    'an app opening envelopes by itself',
    'apps/tool-executor/src/forbidden.ts',
    "import '@keyward/vault';",
    'no-restricted-imports',
  ],
  ['export *', 'libs/audit/src/forbidden.ts', "export * from './index.js';", 'no-restricted-syntax'],
  [
    'process.env outside the host',
    'apps/gateway/src/forbidden.ts',
    'export const home = process.env.HOME;',
    'no-restricted-syntax',
  ],
];

const allowed: [string, string, string][] = [
  ['an app using core', 'apps/tool-executor/src/allowed.ts', "import '@keyward/credentials';"],
  ['a spec using the test library', 'apps/gateway/src/allowed.spec.ts', "import '@keyward/testing';"],
  ['a spec of core using a part of the test library', 'libs/oauth/src/allowed.spec.ts', "import '@keyward/testing/hostile-as';"],
  ['the command line reading the environment', 'tools/cli/src/allowed.ts', 'export const home = process.env.HOME;'],
  ['the host reading the environment', 'libs/service-host/src/allowed.ts', 'export const home = process.env.HOME;'],
];

describe('import rules', () => {
  let messages: { ruleId: string | null; message: string }[][] = [];

  beforeAll(() => {
    const cases = [...forbidden, ...allowed].map(([, file, text]) => ({ file: path.join(root, file), text }));
    const run = spawnSync(process.execPath, [path.join(import.meta.dirname, 'lint-texts.mjs')], {
      cwd: root,
      input: JSON.stringify(cases),
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', NX_DAEMON: 'false' },
    });
    expect(run.stderr).toBe('');
    messages = JSON.parse(run.stdout) as typeof messages;
  }, 120_000);

  it.each(forbidden.map(([what, , , rule], index) => [what, rule, index] as const))('refuse %s', (_what, rule, index) => {
    expect(messages[index]?.map((message) => message.ruleId)).toContain(rule);
  });

  it.each(allowed.map(([what], index) => [what, forbidden.length + index] as const))('allow %s', (_what, index) => {
    expect(messages[index]).toEqual([]);
  });
});
