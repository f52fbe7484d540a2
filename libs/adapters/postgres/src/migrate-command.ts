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

export interface CommandIo {
  /** Contents of a file; `-` is standard input. */
  read(file: string): string;
  out(text: string): void;
  err(text: string): void;
}

/** The command line tool without its process. Resolves with the exit code. */
export async function migrateCommand(args: string[], io: CommandIo): Promise<number> {
  let url: string | undefined;
  try {
    url = urlFrom(args, io);
  } catch (thrown) {
    io.err(`keyward-migrate: ${(thrown as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (url === undefined) {
    io.out(HELP);
    return 0;
  }
  try {
    await migrate(url, (message) => io.out(`keyward-migrate: ${message}\n`));
    return 0;
  } catch (thrown) {
    io.err(`keyward-migrate: ${explain(thrown)}\n`);
    return 1;
  }
}

/** Undefined where help is asked for. @throws Error with what is wrong; a URL is not echoed. */
function urlFrom(args: string[], io: CommandIo): string | undefined {
  const { values } = parseArgs({
    args,
    options: { url: { type: 'string' }, 'url-file': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) return undefined;
  const file = values['url-file'];
  const given = file === undefined ? values.url : io.read(file).trim();
  if (given === undefined || (file !== undefined && values.url !== undefined))
    throw new Error('Give either --url-file or --url.');
  if (!URL.canParse(given) || !/^postgres(ql)?:$/.test(new URL(given).protocol)) {
    throw new Error('The database URL must look like postgres://owner@host:port/database.');
  }
  return given;
}

function explain(thrown: unknown): string {
  const reason = messageOf(thrown);
  if (!(thrown instanceof KeywardError)) return `a migration failed and was undone: ${reason}`;
  return thrown.cause === undefined ? reason : `${reason} (${messageOf(thrown.cause)})`;
}

function messageOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown ? String(thrown.message) : String(thrown);
}
