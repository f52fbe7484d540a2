import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AlreadyRunning, runningStack, takeLock } from './lock.js';
import { makeHome, resetHome, stackPaths, type StackPaths } from './paths.js';
import { choosePorts, USUAL_PORTS, type ChosenPorts } from './ports.js';
import { loadSecrets, saveSecrets } from './secrets.js';

let directory: string;
let paths: StackPaths;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keyward-home-'));
  paths = stackPaths(join(directory, 'stack'));
  makeHome(paths);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const mode = (path: string): number => statSync(path).mode & 0o777;

describe('secrets', () => {
  it('are made once and kept, readable by their owner alone', async () => {
    const first = await loadSecrets(paths);
    expect(await loadSecrets(paths)).toEqual(first);
    const files = [paths.secretsFile, paths.kmsKeyFile, paths.auditSigningKeyFile];
    expect(files.map(mode)).toEqual([0o600, 0o600, 0o600]);
  });

  it('differ from directory to directory', async () => {
    const other = stackPaths(join(directory, 'other'));
    makeHome(other);
    const [one, two] = [await loadSecrets(paths), await loadSecrets(other)];
    for (const name of ['adminToken', 'stateSecret', 'natsSeeds', 'databasePasswords', 'sandbox'] as const) {
      expect(one[name]).not.toEqual(two[name]);
    }
  });

  it('that are damaged are an error that says what to do and quotes nothing', async () => {
    const secrets = await loadSecrets(paths);
    saveSecrets(paths, { ...secrets, version: 2 as 1 });
    const failure = loadSecrets(paths);
    await expect(failure).rejects.toThrow(/secrets\.json is damaged or of another version: version.*--reset/);
    await expect(failure).rejects.not.toThrow(secrets.adminToken);
    writeFileSync(paths.secretsFile, `{"adminToken": "${secrets.adminToken}"`);
    await expect(loadSecrets(paths)).rejects.toThrow(/damaged/);
  });

  it.each(['secretsFile', 'kmsKeyFile'] as const)('are not made anew beside data that need the old ones: %s', async (file) => {
    await loadSecrets(paths);
    mkdirSync(join(paths.postgres, 'cluster'), { recursive: true });
    writeFileSync(join(paths.postgres, 'cluster', 'PG_VERSION'), '18');
    rmSync(paths[file]);
    await expect(loadSecrets(paths)).rejects.toThrow(/is gone, but .* holds data that need it.*--reset/);
    expect(existsSync(paths[file])).toBe(false);
  });
});

describe('the lock of a directory', () => {
  it('is held by one process at a time', () => {
    const release = takeLock(paths);
    expect(() => takeLock(paths)).toThrow(AlreadyRunning);
    expect(() => takeLock(paths)).toThrow(new RegExp(`process ${process.pid}[^]*KEYWARD_HOME`));
    expect(runningStack(paths)).toBe(process.pid);
    release();
    expect(runningStack(paths)).toBeUndefined();
    takeLock(paths)();
  });

  it.each([
    ['of a process that is gone', '999999999\n1\n'],
    ['whose pid has been given to another process', `${process.pid}\n1\n`],
    ['that is empty', ''],
  ])('%s does not count', (_what, content) => {
    writeFileSync(paths.lockFile, content);
    takeLock(paths)();
  });
});

describe('ports', () => {
  const chosen: ChosenPorts[] = [];
  const choose = async (last: Record<string, number>, usual: boolean): Promise<ChosenPorts> => {
    const ports = await choosePorts(last, usual);
    chosen.push(ports);
    return ports;
  };
  afterEach(() => {
    for (const { release } of chosen.splice(0)) release();
  });

  it('are those of the last start', async () => {
    const { ports: first, release } = await choose({}, false);
    release();
    const { ports, replaced } = await choose(first, true);
    expect([ports, replaced]).toEqual([first, []]);
  });

  it('that are taken are replaced, and told', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const { ports, replaced } = await choose({ gateway: port }, false);
    expect(ports.gateway).not.toBe(port);
    expect(replaced).toEqual([`Port ${port} (gateway) is taken: using ${ports.gateway}.`]);
    server.close();
  });

  it('are never given to two stacks at once, even before either listens', async () => {
    const [one, two] = await Promise.all([choose({}, true), choose({}, true)]);
    const all = [...Object.values(one.ports), ...Object.values(two.ports)];
    expect(new Set(all).size).toBe(2 * Object.keys(USUAL_PORTS).length);
  });
});

describe('reset', () => {
  it('removes what earlier runs kept, and nothing else', async () => {
    await loadSecrets(paths);
    const release = takeLock(paths);
    resetHome(paths, () => undefined);
    expect([existsSync(paths.secretsFile), existsSync(paths.lockFile), existsSync(paths.logs)]).toEqual([false, true, true]);
    release();
  });

  it('refuses a directory that holds other things, such as a home given by mistake', async () => {
    await loadSecrets(paths);
    writeFileSync(join(paths.dir, 'thesis.md'), 'years of work');
    expect(() => resetHome(paths, () => undefined)).toThrow(/thesis\.md, which is no stack's/);
    expect(readFileSync(join(paths.dir, 'thesis.md'), 'utf8')).toBe('years of work');
    expect(existsSync(paths.secretsFile)).toBe(true);
  });
});

describe('a directory that cannot be made', () => {
  it('is an error that says what to do', () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(() => makeHome(stackPaths(join(file, 'stack')))).toThrow(/cannot be written \(ENOTDIR\).*KEYWARD_HOME/);
  });
});
