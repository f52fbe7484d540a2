import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ensurePrometheus, ensurePromtool, supportedVersion } from './ensure.js';

let directory: string;
const kept = { ...process.env };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyward-ensure-'));
  process.env['KEYWARD_CACHE_DIR'] = join(directory, 'cache');
  process.env['PATH'] = join(directory, 'bin');
});
afterEach(() => {
  process.env = { ...kept };
  rmSync(directory, { recursive: true, force: true });
});

/** A program that says of itself what Prometheus' programs say. */
function program(path: string, version: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "${path.split('/').at(-1)}, version ${version} (branch: HEAD)"\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('ensurePrometheus', () => {
  it('takes those on the PATH before those in the cache', async () => {
    for (const name of ['prometheus', 'promtool']) program(join(directory, 'cache', 'prometheus', name), '2.42.0');
    const prometheus = program(join(directory, 'bin', 'prometheus'), '3.5.0');
    const promtool = program(join(directory, 'bin', 'promtool'), '3.5.0');
    expect(await ensurePrometheus()).toEqual({ prometheus, promtool });
    expect(await ensurePromtool()).toBe(promtool);
  });

  it('passes over one that is too old for the rules', async () => {
    program(join(directory, 'bin', 'promtool'), '2.41.9');
    const promtool = program(join(directory, 'cache', 'prometheus', 'promtool'), '2.42.0+ds');
    expect([promtool, '/usr/bin/promtool', '/usr/local/bin/promtool', '/opt/homebrew/bin/promtool']).toContain(
      await ensurePromtool(),
    );
  });
});

describe('supportedVersion', () => {
  it('reads what the program says', () => {
    expect(supportedVersion('promtool', 'promtool, version 2.42.0+ds (branch: debian/sid)')).toBe('2.42');
    expect(supportedVersion('prometheus', 'prometheus, version 3.5.0 (branch: HEAD)')).toBe('3.5');
    expect(supportedVersion('promtool', 'promtool, version 2.41.0')).toBeUndefined();
    expect(supportedVersion('promtool', 'prometheus, version 2.55.0')).toBeUndefined();
    expect(supportedVersion('promtool', 'whatever')).toBeUndefined();
  });
});
