import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ConnectorOverlay } from '@keyward/contracts';
import type { Argv } from 'yargs';
import { Hint } from '../output/fail.js';
import { group, under } from './command.js';
import type { CommonOptions } from '../session/session.js';

const pathOf = (connector: string) => `/v1/connectors/${encodeURIComponent(connector)}/overlay`;

const named = (args: Argv<CommonOptions>) =>
  args.positional('connector', { type: 'string', demandOption: true, describe: 'The connector that it is about' });

const get = under({
  command: 'get <connector>',
  describe: 'What your organization changes about a connector, as it was put',
  builder: named,
  handler: async (session, { connector }) => {
    const found = await session.admin.get<ConnectorOverlay>(await session.path(pathOf(connector)));
    // As a file that `put` takes.
    session.out.answer(found, () =>
      found.overlay
        .trimEnd()
        .split('\n')
        .forEach((line) => session.out.say(line)),
    );
  },
});

const put = under({
  command: 'put <connector> <file>',
  describe: 'Hide tools of a connector, name them anew or fix arguments of them: a file, overlay.yaml',
  builder: (args) =>
    named(args).positional('file', { type: 'string', demandOption: true, describe: 'The file; - reads standard input' }),
  handler: async (session, { connector, file }) => {
    const overlay = file === '-' ? readFileSync(0, 'utf8') : textOf(file);
    const body = { organization: await session.org(), overlay };
    const stored = await session.admin.put<ConnectorOverlay>(pathOf(connector), body);
    session.out.answer(stored, () =>
      session.out.say(`${connector} is changed for your organization, version ${stored.version}.`),
    );
  },
});

const remove = under({
  command: 'remove <connector>',
  describe: 'The connector is again as the deployment has it',
  builder: named,
  handler: async (session, { connector }) => {
    await session.admin.delete(await session.path(pathOf(connector)));
    session.out.say(`${connector} is as the deployment has it.`);
  },
});

function textOf(file: string): string {
  const path = resolve(process.env['INIT_CWD'] ?? process.cwd(), file);
  if (!existsSync(path))
    throw new Hint(`There is no ${path}.`, 'Name a file like overlay.yaml; its schema is connectors/schema/overlay.schema.json.');
  return readFileSync(path, 'utf8');
}

const commands = group('overlay', 'What your organization changes about a connector of the deployment', get, put, remove);

/** One of the commands of `providers`. */
export const overlay = (args: Argv<CommonOptions>): Argv<CommonOptions> => args.command(commands);
