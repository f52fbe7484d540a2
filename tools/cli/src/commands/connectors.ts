import { relative, resolve } from 'node:path';
import { importConnector, ImportError, type ImportOptions, type ImportResult } from '@keyward/connector-import';
import { Hint, Usage } from '../output/fail.js';
import type { Output } from '../output/output.js';
import { group, list, under } from './command.js';
import { add, check, get, listing, remove } from './providers.js';

/** Names of one kind that are told one by one; of more, how many there are. */
const MOST_TOLD = 20;

const importing = under({
  command: 'import <source>',
  describe: 'Make a connector of an OpenAPI or Swagger description, a GraphQL schema or an MCP server; or bring it up to date',
  builder: (args) =>
    args
      .positional('source', { type: 'string', demandOption: true, describe: 'A file or an https address' })
      .option('kind', {
        choices: ['openapi', 'graphql', 'mcp'] as const,
        describe: 'What the address is, where it does not tell',
      })
      .option('name', { type: 'string', describe: 'Of the connector; made of the title where it is left out' })
      .option('out', { type: 'string', default: 'connectors', describe: 'Folder of connectors; <out>/<name> is written' })
      .option('include', { type: 'string', array: true, describe: 'Only operations of these tags, or globs of paths' })
      .option('exclude', { type: 'string', array: true, describe: 'No operations of these tags, or globs of paths' })
      .option('max-tools', { type: 'number', describe: 'No more than so many tools' })
      .option('base-url', { type: 'string', describe: 'Where the API is, instead of what the source says' })
      .option('token-env', { type: 'string', describe: 'Variable with a bearer token for the GraphQL endpoint or MCP server' })
      .option('check', {
        type: 'boolean',
        default: false,
        describe: 'Write nothing; exit with 1 where the folder is out of date',
      })
      .option('dry-run', { type: 'boolean', default: false, describe: 'Write nothing, and say what would be' })
      .option('verbose', {
        type: 'boolean',
        default: false,
        describe: 'Name every operation that was left out; time and memory',
      }),
  handler: async (session, { source, kind, name, out, include, exclude, maxTools, baseUrl, tokenEnv, ...flags }) => {
    if (maxTools !== undefined && !(Number.isInteger(maxTools) && maxTools > 0))
      throw new Usage('--max-tools is a number above 0.');
    const begun = performance.now();
    const result = await imported({
      source: /^https?:\/\//i.test(source) ? source : fromHere(source),
      ...{ kind, name, maxTools, baseUrl, include: list(include), exclude: list(exclude) },
      out: fromHere(out),
      token: tokenEnv === undefined ? undefined : tokenFrom(tokenEnv),
      dryRun: flags.check || flags.dryRun,
      progress: (what) => session.out.progress(what),
    }).finally(() => session.out.progressEnd());
    session.out.answer(result, () => tell(session.out, result, flags));
    if (flags.verbose) {
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      session.out.say(`${seconds} s, ${Math.round(process.resourceUsage().maxRSS / 1024)} MB at most`);
    }
    if (flags.check && result.files.length > 0) process.exitCode = 1;
  },
});

async function imported(options: ImportOptions): Promise<ImportResult> {
  try {
    return await importConnector(options);
  } catch (error) {
    throw error instanceof ImportError ? new Hint(error.message, error.next) : error;
  }
}

function fromHere(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? process.cwd(), path);
}

function tokenFrom(name: string): string {
  const token = process.env[name]?.trim();
  if (token === undefined || token === '') throw new Usage(`The variable ${name} is not set.`);
  return token;
}

function tell(out: Output, result: ImportResult, flags: { check: boolean; dryRun: boolean; verbose: boolean }): void {
  const { name, folder, source, imported: count, leftOut, unwanted, isNew, tools, manifest, files } = result;
  out.say(`${name}: ${count} tools of a source with ${count + leftOut.length + unwanted} operations (${source})`);
  if (unwanted > 0) out.say(`${unwanted} were not wanted`);
  tellLeftOut(out, leftOut, flags.verbose);
  if (!isNew) {
    tellNames(out, '+', tools.added);
    tellNames(out, '-', tools.removed);
    tellNames(out, '~', tools.changed.map(withParts));
    tellNames(
      out,
      '~',
      manifest.changed.map((member) => `connector.yaml: ${member}`),
    );
  }
  const conflicts = [...tools.conflicts.map(withParts), ...manifest.conflicts.map((member) => `connector.yaml: ${member}`)];
  if (conflicts.length > 0)
    out.say('Edited by hand, and changed in the source as well. They stay as they are; bring them up to date by hand:');
  tellNames(out, '!', conflicts);
  const place = relative(fromHere('.'), folder) || folder;
  if (files.length === 0) out.say(`${place} is up to date.`);
  else if (flags.check) out.say(`${place} is out of date: ${files.join(', ')}`);
  else if (flags.dryRun) out.say(`Would be written: ${files.map((file) => `${place}/${file}`).join(', ')}`);
  else out.say(`Written to ${place}. Look through ${place}/review.yaml, then: keyward connectors check ${place}`);
}

function withParts({ name, parts }: { name: string; parts: readonly string[] }): string {
  return `${name}: ${parts.join(', ')}`;
}

function tellLeftOut(out: Output, leftOut: ImportResult['leftOut'], isVerbose: boolean): void {
  if (isVerbose) {
    for (const { operation, reason } of leftOut) out.say(`left out: ${operation}: ${reason}`);
    return;
  }
  const reasons = new Map<string, number>();
  for (const { reason } of leftOut) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const most = [...reasons].sort(([, a], [, b]) => b - a).slice(0, MOST_TOLD);
  for (const [reason, count] of most) out.say(`${count} left out: ${reason}`);
}

function tellNames(out: Output, sign: string, names: readonly string[]): void {
  for (const name of names.slice(0, MOST_TOLD)) out.say(`${sign} ${name}`);
  if (names.length > MOST_TOLD) out.say(`${sign} … and ${names.length - MOST_TOLD} more`);
}

export const connectors = group(
  'connectors',
  'Connectors of your own: make, check, add and remove them',
  importing,
  check,
  listing,
  get,
  add,
  remove,
);
