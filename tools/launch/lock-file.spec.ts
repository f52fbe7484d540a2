import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';

interface Locked {
  version?: string;
  optionalDependencies?: Record<string, string>;
}

const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Locked>;
};

/** Where Node would look for `name` from the package at `path`: beside it, then outwards. */
function isLocked(name: string, path: string): boolean {
  for (let directory = path; ; directory = directory.slice(0, Math.max(0, directory.lastIndexOf('/node_modules/')))) {
    if (Object.hasOwn(packages, `${directory === '' ? '' : `${directory}/`}node_modules/${name}`)) return true;
    if (!directory.includes('node_modules/')) return Object.hasOwn(packages, `node_modules/${name}`);
  }
}

/** npm leaves out what it could not find, say because one platform's build of a new version was not published yet; `npm ci` then refuses. */
it('the lock file holds the builds of every platform, so that npm ci accepts it everywhere', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !isLocked(name, path))
      .map(([name, version]) => `${path} needs ${name}@${version}`),
  );
  expect(missing).toEqual([]);
});

it('the lock file names no registry, so that each machine uses its own', () => {
  const named = Object.entries(packages).filter(([, locked]) =>
    /^https?:/.test((locked as { resolved?: string }).resolved ?? ''),
  );
  expect(named.map(([path]) => path)).toEqual([]);
});
