#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { migrateCommand } from './migrate-command.js';

process.exitCode = await migrateCommand(process.argv.slice(2), {
  read: (file) => readFileSync(file === '-' ? 0 : file, 'utf8'),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
