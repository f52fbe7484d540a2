import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkCatalog } from '@keyward/connectors';
import type { Connector, ConnectorDetail } from '@keyward/contracts';
import { Hint, Usage } from '../output/fail.js';
import { group, under } from './command.js';
import { overlay } from './overlay.js';
import { register, registrations } from './registrations.js';

export const listing = under({
  command: 'list',
  describe: 'What can be connected',
  builder: (args) =>
    args
      .option('search', { type: 'string', describe: 'Whose name or description has this' })
      .option('category', { type: 'string', describe: 'Of this category, such as crm' }),
  handler: async (session, { search, category }) => {
    const providers = await session.all<Connector>('connectors', '/v1/connectors', { search, category });
    session.out.answer(providers, () =>
      session.out.table(
        providers,
        {
          NAME: ({ name }) => name,
          TITLE: ({ title }) => title,
          BY: ({ kind }) => kind,
          TOOLS: ({ tools }) => tools,
          FOR: ({ categories }) => categories.join(' '),
        },
        'Nothing of that kind.',
      ),
    );
  },
});

export const get = under({
  command: 'get <name>',
  describe: 'One provider, with its scopes',
  builder: (args) => args.positional('name', { type: 'string', demandOption: true, describe: 'Its name' }),
  handler: async (session, { name }) => {
    const provider = await session.admin.get<ConnectorDetail>(await session.path(`/v1/connectors/${encodeURIComponent(name)}`));
    session.out.answer(provider, () => {
      session.out.details({
        name: provider.name,
        title: provider.title,
        what: provider.description,
        by: provider.kind,
        documentation: provider.documentation ?? undefined,
        'key goes to': provider.origins.join(' '),
        version: provider.version ?? undefined,
      });
      const { scopeDescriptions: descriptions, scopes: defaults } = provider;
      const scopes = [...new Set([...defaults, ...Object.keys(descriptions)])];
      session.out.table(
        scopes,
        {
          SCOPE: (scope) => scope,
          ALLOWS: (scope) => descriptions[scope],
          DEFAULT: (scope) => (defaults.includes(scope) ? 'yes' : ''),
        },
        'It knows no scopes.',
      );
    });
  },
});

const SHIPPED = fileURLToPath(new URL('../../../../connectors', import.meta.url));

export const check = under({
  command: 'check [dir]',
  describe: 'Check connectors in a folder: schema, cross references, sources of every fact',
  builder: (args) =>
    args.positional('dir', { type: 'string', default: SHIPPED, describe: 'The folder of connectors, or of one' }),
  handler: async (session, { dir }) => {
    const folder = resolve(process.env['INIT_CWD'] ?? process.cwd(), dir);
    if (!existsSync(folder)) throw new Usage(`There is no folder ${folder}.`);
    const isOne = existsSync(join(folder, 'connector.yaml'));
    const report = isOne ? checkCatalog(dirname(folder), new Date(), basename(folder)) : checkCatalog(folder);
    session.out.answer(report, () => {
      for (const { file, line, pointer, detail } of report.problems)
        session.out.say(`${file}:${line} (${pointer || '/'}): ${detail}`);
      const seen = report.providers.flatMap(({ sources }) => sources.map((source) => source.seen));
      const count = (kind: string) => seen.filter((one) => one === kind).length;
      session.out.say(
        `${seen.length} sources: ${count('vendor')} read with the vendor, ${count('secondary')} elsewhere, ${count('unverified')} not compared yet`,
      );
      session.out.say(`${report.providers.length} providers, ${report.tools} tools, ${report.problems.length} problems`);
    });
    if (report.problems.length > 0) process.exitCode = 1;
  },
});

export const add = under({
  command: 'add <path>',
  describe: 'Add a connector of your own, or a new version: a folder with connector.yaml, or that file',
  builder: (args) => args.positional('path', { type: 'string', demandOption: true, describe: 'Folder or file' }),
  handler: async (session, { path }) => {
    const base = resolve(process.env['INIT_CWD'] ?? process.cwd(), path);
    const manifestFile = /\.ya?ml$/.test(base) ? base : join(base, 'connector.yaml');
    if (!existsSync(manifestFile))
      throw new Hint(`There is no ${manifestFile}.`, 'Name a folder with a connector.yaml, or that file.');
    const toolsFile = join(manifestFile, '..', 'tools.yaml');
    if (existsSync(join(manifestFile, '..', 'tools')))
      throw new Hint(
        'This connector has more tools than an organization’s own may have: they stand in several files.',
        'Import fewer of them (--include, --exclude, --max-tools), or mount the folder where the services run.',
      );
    const answer = await session.admin.post<{ name: string; version: number }>('/v1/connectors', {
      organization: await session.org(),
      manifest: readFileSync(manifestFile, 'utf8'),
      ...(existsSync(toolsFile) ? { tools: readFileSync(toolsFile, 'utf8') } : {}),
    });
    session.out.answer(answer, () => session.out.say(`${answer.name}, version ${answer.version}, can be connected now.`));
  },
});

export const remove = under({
  command: 'remove <name>',
  describe: 'Remove a connector of your own',
  builder: (args) => args.positional('name', { type: 'string', demandOption: true, describe: 'Its name' }),
  handler: async (session, { name }) => {
    await session.admin.delete(await session.path(`/v1/connectors/${encodeURIComponent(name)}`));
    session.out.say(`${name} is removed.`);
  },
});

export const providers = group(
  'providers',
  'What can be connected, your clients there, and connectors of your own',
  listing,
  get,
  register,
  registrations,
  check,
  add,
  remove,
  overlay,
);
