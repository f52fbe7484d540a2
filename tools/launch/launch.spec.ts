import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const launcher = fileURLToPath(new URL('.', import.meta.url));
/** Stands for npm: notes that it was called, and installs the one thing that the launcher needs, or fails as it is told. */
const NPM = `#!/bin/sh
echo "$@" >> npm-calls
if [ -n "$NPM_SAYS" ]; then echo "$NPM_SAYS" >&2; exit 1; fi
mkdir -p node_modules/.bin
ln -sf "$REAL_NODE" node_modules/.bin/node
echo 'console.log("nx ran"); process.exit(Number(process.env.NX_EXIT ?? 0));' > node_modules/.bin/nx
exec "$REAL_NODE" tools/launch/stamp.mjs
`;

let clone: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'keyward-launch-'));
  cpSync(launcher, join(clone, 'tools', 'launch'), { recursive: true });
  writeFileSync(join(clone, 'package-lock.json'), '{"one": 1}');
  mkdirSync(join(clone, 'bin'));
  writeFileSync(join(clone, 'bin', 'npm'), NPM);
  chmodSync(join(clone, 'bin', 'npm'), 0o755);
  mkdirSync(join(clone, 'tools', 'stack', 'dist'), { recursive: true });
  writeFileSync(join(clone, 'tools', 'stack', 'dist', 'start.js'), 'console.log("started with", ...process.argv.slice(2));');
});
afterEach(() => rmSync(clone, { recursive: true, force: true }));

interface Outcome {
  code: number;
  output: string;
}

function node(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const surroundings = {
    PATH: `${join(clone, 'bin')}:/usr/bin:/bin`,
    HOME: clone,
    TMPDIR: clone,
    REAL_NODE: process.execPath,
    ...env,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: clone, env: surroundings }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr });
    });
  });
}

const launch = (env?: Record<string, string>, ...args: string[]): Promise<Outcome> =>
  node([join('tools', 'launch', 'launch.mjs'), 'start', ...args], env);
const npmCalls = (): string[] => readFileSync(join(clone, 'npm-calls'), 'utf8').trim().split('\n');

describe('the launcher', () => {
  it('installs on the first run, builds, and hands over with the arguments', async () => {
    const { code, output } = await launch({}, '--reset');
    expect([code, output]).toEqual([
      0,
      expect.stringMatching(/npm ci \(first run[^]*Installed in[^]*Built in[^]*started with --reset/),
    ]);
    expect(npmCalls()).toEqual([expect.stringMatching(/^ci .*--include=dev .*--ignore-scripts=false/)]);
  });

  it('installs and builds nothing on the second run', async () => {
    await launch();
    const { output } = await launch();
    expect(output).toBe('started with\n');
    expect(npmCalls()).toHaveLength(1);
  });

  it('installs again when the lock file has changed', async () => {
    await launch();
    writeFileSync(join(clone, 'package-lock.json'), '{"one": 2}');
    expect((await launch()).output).toContain('package-lock.json has changed');
    expect(npmCalls()).toHaveLength(2);
  });

  it('builds again when a source has changed, and only then', async () => {
    mkdirSync(join(clone, 'apps', 'one', 'src'), { recursive: true });
    mkdirSync(join(clone, 'apps', 'one', 'dist'));
    writeFileSync(join(clone, 'apps', 'one', 'project.json'), '{}');
    writeFileSync(join(clone, 'apps', 'one', 'src', 'main.ts'), '1');
    await launch();
    expect((await launch()).output).not.toContain('Building');
    writeFileSync(join(clone, 'apps', 'one', 'src', 'main.spec.ts'), 'a test is not built');
    expect((await launch()).output).not.toContain('Building');
    writeFileSync(join(clone, 'apps', 'one', 'src', 'main.ts'), '2');
    expect((await launch()).output).toContain('Building');
  });

  it.each([
    ['getaddrinfo ENOTFOUND registry', /registry could not be reached/],
    ['ENOSPC: no space left on device', /disk is full/],
    ['EACCES: permission denied', /owned by another user/],
    ['something else', /remove node_modules, then try again/],
  ])('says what to do when npm fails: %s', async (text, advice) => {
    const { code, output } = await launch({ NPM_SAYS: text });
    expect([code, output]).toEqual([1, expect.stringMatching(advice)]);
    expect(output).not.toContain('started');
  });

  it('says what to do when there is no npm', async () => {
    rmSync(join(clone, 'bin', 'npm'));
    const { code, output } = await launch({ PATH: join(clone, 'bin') });
    expect([code, output]).toEqual([1, expect.stringContaining('npm is not on the PATH')]);
  });

  it('shows the end of a build that fails, and starts nothing', async () => {
    const { code, output } = await launch({ NX_EXIT: '1' });
    expect([code, output]).toEqual([1, expect.stringMatching(/nx ran[^]*The build failed/)]);
    expect(output).not.toContain('started');
  });

  it.each(['18.20.4', '20.18.3', '16.0.0'])('refuses Node %s in words', async (version) => {
    const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' }); import('./tools/launch/launch.mjs')`;
    const { code, output } = await node(['-e', pretend]);
    expect([code, output]).toEqual([1, expect.stringContaining('Keyward needs Node 20.19 or newer')]);
  });

  it('waits for another one that is installing in the same clone', async () => {
    const outcomes = await Promise.all([launch(), launch()]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    expect(npmCalls()).toHaveLength(1);
  });

  it('tells that it waits where it is told to, apart from what a program answers', async () => {
    const script = `import { withLock } from './tools/launch/lock.mjs';
      let second;
      const told = (done) => (second = withLock(() => console.log('the answer'), (line) => done(console.error(line))));
      await withLock(() => new Promise(told));
      await second;`;
    const { output } = await node(['--input-type=module', '-e', script]);
    // Standard output comes first here.
    expect(output).toMatch(/^the answer\nWaiting for another Keyward command/);
  });

  it('passes the exit code of the program on', async () => {
    writeFileSync(join(clone, 'tools', 'stack', 'dist', 'start.js'), 'process.exit(7);');
    expect((await launch()).code).toBe(7);
  });

  it('uses another cache when npm’s own cannot be written', async () => {
    await launch({ npm_config_cache: '/dev/null/npm' });
    expect(npmCalls()[0]).toMatch(/--cache \S+keyward-\d+-npm/);
  });
});
