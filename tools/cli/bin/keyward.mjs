#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(main)) {
  // A fresh clone after `npm ci`: built once, on standard error, so that output stays what was asked for.
  const launcher = fileURLToPath(new URL('../../launch/launch.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [launcher, 'build'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(1);
}
await import(main.href);
