/**
 * Runs a service from its sources, so that a test that needs a process of its own (to kill it, say) never runs a stale build:
 *   node --conditions=@keyward/source --import ./test/support/source-loader.mjs apps/token-refresher/src/main.ts
 * Compiles as the build does, with the same .swcrc, and keeps what it compiled by the hash of what went in: most processes of the tests
 * compile what the one before them did.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, enableCompileCache, registerHooks } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const swc = JSON.parse(readFileSync(new URL('../../.swcrc', import.meta.url), 'utf8'));
delete swc.exclude;
const compiler = JSON.stringify([require('@swc/core/package.json').version, swc]);

const kept = join(tmpdir(), `keyward-test-${userInfo().uid}`, 'compiled');
mkdirSync(kept, { recursive: true });
enableCompileCache(join(kept, 'bytecode'));

function compile(filename) {
  const source = readFileSync(filename, 'utf8');
  const file = join(
    kept,
    createHash('sha256').update(compiler).update('\0').update(filename).update('\0').update(source).digest('hex'),
  );
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const { code } = require('@swc/core').transformSync(source, { ...swc, swcrc: false, filename, sourceMaps: 'inline' });
  // Another process never sees half of one.
  const writing = `${file}.${randomUUID()}`;
  writeFileSync(writing, code);
  renameSync(writing, file);
  return code;
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
      const source = new URL(`${specifier.slice(0, -3)}.ts`, context.parentURL);
      if (existsSync(source)) return { url: source.href, shortCircuit: true };
    }
    return next(specifier, context);
  },
  load(url, context, next) {
    if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
    return { format: 'module', source: compile(fileURLToPath(url)), shortCircuit: true };
  },
});
