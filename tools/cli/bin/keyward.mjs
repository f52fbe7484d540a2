#!/usr/bin/env node
import { existsSync } from 'node:fs';

const launcher = new URL('../../launch/', import.meta.url);
if (existsSync(launcher)) {
  // In a clone: a fresh one is built first, and one that has changed since anew. Told on standard error, output stays what was asked for.
  const { build } = await import(new URL('build.mjs', launcher).href);
  const { withLock } = await import(new URL('lock.mjs', launcher).href);
  await withLock(() => build(process.execPath, console.error), console.error);
}
await import(new URL('../dist/main.js', import.meta.url).href);
