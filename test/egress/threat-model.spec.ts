import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { namedTests } from './named-tests.js';

const ROOT = path.join(import.meta.dirname, '../..');
/** What is required of the broker. */
const REQUIREMENTS = 13;

interface Row {
  requirement: string;
  file: string;
  test: string;
}

const sections = readFileSync(path.join(ROOT, 'docs/threat-model.md'), 'utf8').split(/^### /m).slice(1);
const rows = sections.flatMap((section): Row[] => {
  const requirement = section.slice(0, section.indexOf('\n'));
  return [...section.matchAll(/^\|[^\n]*\| +`([^`\n]+)` +\| +`([^`\n]+)` +\|$/gm)].map(([, file = '', test = '']) => {
    return { requirement, file, test };
  });
});
const testsOf = new Map<string, ReadonlySet<string>>();

describe('the threat model', () => {
  it('has every requirement, each with its tests', () => {
    expect(sections).toHaveLength(REQUIREMENTS);
    expect(new Set(rows.map(({ requirement }) => requirement)).size).toBe(REQUIREMENTS);
    // Every line of a table but the two of its head.
    const lines = sections.join('\n').match(/^\|/gm)?.length ?? 0;
    expect(rows).toHaveLength(lines - 2 * REQUIREMENTS);
  });

  it.each(rows)('names a test that is run: $test', ({ file, test }) => {
    const absolute = path.join(ROOT, file);
    expect(existsSync(absolute)).toBe(true);
    const tests = testsOf.get(file) ?? namedTests(absolute);
    testsOf.set(file, tests);
    expect([...tests]).toContain(test);
  });
});

describe('the names of tests', () => {
  it('are those that are run, below their suites', () => {
    const file = path.join(import.meta.dirname, 'broker-redirects.spec.ts');
    expect([...namedTests(file)]).toEqual([
      'a redirect by %i › from https to http takes no credential along: %s',
      'a redirect by %i › to another origin that the connector names takes none along either: %s',
      'a redirect by %i › on the same origin is followed',
    ]);
  });
});
