import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cachedNatsServer, findNatsServer } from './nats-finder.js';

let directory: string;
const kept = { ...process.env };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyward-finder-'));
  process.env['KEYWARD_CACHE_DIR'] = join(directory, 'cache');
  process.env['PATH'] = join(directory, 'bin');
  delete process.env['NATS_SERVER_BIN'];
  // No download can succeed, so that what is found was there.
  process.env['GOPROXY'] = 'off';
});
afterEach(() => {
  process.env = { ...kept };
  rmSync(directory, { recursive: true, force: true });
});

/** A program that says of itself what nats-server says. */
function program(path: string, version: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('findNatsServer', () => {
  it('takes NATS_SERVER_BIN before anything else', async () => {
    program(cachedNatsServer(), '2.15.2');
    const binary = program(join(directory, 'mine'), '2.12.0');
    process.env['NATS_SERVER_BIN'] = binary;
    expect(await findNatsServer()).toEqual({ binary, version: '2.12.0' });
  });

  it('refuses a NATS_SERVER_BIN that is none, rather than use another', async () => {
    program(cachedNatsServer(), '2.15.2');
    process.env['NATS_SERVER_BIN'] = program(join(directory, 'old'), '2.9.9');
    await expect(findNatsServer()).rejects.toThrow(/NATS_SERVER_BIN=.*2\.9\.10 or newer/);
  });

  it('takes the cached one before one on the PATH', async () => {
    const binary = program(cachedNatsServer(), '2.15.2');
    program(join(directory, 'bin', 'nats-server'), '2.14.0');
    expect(await findNatsServer()).toEqual({ binary, version: '2.15.2' });
  });

  it('takes one on the PATH from 2.9.10 on', async () => {
    const binary = program(join(directory, 'bin', 'nats-server'), '2.9.10');
    expect(await findNatsServer()).toEqual({ binary, version: '2.9.10' });
  });

  it('says in one error what was tried and which command helps, when nothing is there and nothing can be fetched', async () => {
    program(join(directory, 'bin', 'nats-server'), '2.8.4');
    const failure = findNatsServer();
    await expect(failure).rejects.toThrow(/could not be installed/);
    await expect(failure).rejects.toThrow(/go install/);
    await expect(failure).rejects.toThrow(/apt-get install -y nats-server|brew install nats-server/);
    await expect(failure).rejects.toThrow(/NATS_SERVER_BIN/);
  });
});
