import { describe, expect, it } from '@jest/globals';
import { expressions, origins } from '../chart/monitoring.js';
import { runProgram } from './support/run-program.js';
import { scrape } from './support/scrape.js';
import { wholeSystem } from './support/whole-system.js';

const TOLD_TWICE_TIMEOUT_MS = 120_000;

describe('npm run demo', () => {
  const system = wholeSystem();

  it(
    'goes as told, and can be told again on the same stack',
    async () => {
      for (const [time, options] of [
        ['first', []],
        ['again', ['--skip-vendors']],
      ] as const) {
        const args = ['--dir', system.stack.paths.dir, ...options];
        const { code, stdout, stderr } = await runProgram('tools/stack/dist/demo.js', args, {});
        expect({ time, code, stderr }).toEqual({ time, code: 0, stderr: '' });
        expect(stdout).toContain('All of it went as told.');
        expect(stdout).toMatch(/sandbox_create_note: missing_scopes\n[\s\S]*the same call: succeeded/);
        expect(stdout).toContain('the other agent: connection_required');
        expect(stdout.includes('starting a stack that emulates them')).toBe(time === 'first');
        expect(stdout.includes('tasks that the storm left: 1 1 1 1')).toBe(time === 'first');
        expect(stdout).toContain('the provider’s receipt for the account of the workspace: true');
      }
    },
    TOLD_TWICE_TIMEOUT_MS,
  );

  it('leaves behind every metric that alerts and dashboards ask for', async () => {
    const there = new Set<string>();
    for (const url of Object.values(system.stack.info.metrics))
      for (const family of (await scrape(url)).families.keys()) there.add(family);
    const missing = expressions().flatMap(([where, expression]) =>
      origins(expression)
        .metrics.filter(({ name, optional }) => !optional && !there.has(name))
        .map(({ name }) => `${where}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
});
