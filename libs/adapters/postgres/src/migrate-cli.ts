#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { KeywardError } from '@keyward/contracts';
import { migrate } from './migrate.js';

const HELP = `Brings a Keyward database to the newest schema.

Usage: keyward-migrate --url-file FILE | --url URL

  --url-file FILE  read the URL from a file, "-" for standard input: the way for a URL that holds a password
  --url URL        postgres://owner@host:port/database
  --help           this text

Repeating it is harmless, also from two places at once. Exit codes: 0 done, 1 failed, 2 wrong usage.
`;

class UsageError extends Error {}

function readUrl(args: string[]): string | undefined {
  const { values } = parseArgs({
    args,
    options: { url: { type: 'string' }, 'url-file': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) return undefined;
  const file = values['url-file'];
  if ((values.url === undefined) === (file === undefined)) throw new UsageError('Give either --url-file or --url.');
  const url = values.url ?? readFileSync(file === '-' ? 0 : (file ?? ''), 'utf8').trim();
  if (!/^postgres(ql)?:\/\//.test(url)) throw new UsageError('The database URL must begin with postgres://');
  return url;
}

async function main(args: string[]): Promise<number> {
  let url: string | undefined;
  try {
    url = readUrl(args);
  } catch (thrown) {
    process.stderr.write(`keyward-migrate: ${(thrown as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (url === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    await migrate(url, (message) => process.stdout.write(`keyward-migrate: ${message}\n`));
    return 0;
  } catch (thrown) {
    process.stderr.write(`keyward-migrate: ${explain(thrown)}\n`);
    return 1;
  }
}

function explain(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (!(thrown instanceof KeywardError)) return `the migration failed and changed nothing: ${thrown.message}`;
  return thrown.cause instanceof Error ? `${thrown.message} (${thrown.cause.message})` : thrown.message;
}

process.exitCode = await main(process.argv.slice(2));
