import { idSchema } from '@keyward/contracts';
import { confirm } from '../output/confirm.js';
import { Usage } from '../output/fail.js';
import { group, under } from './command.js';
import { moment } from './names.js';

const ALL = '/v1/holds';

/** What audit-service answers of this. */
interface Hold {
  id: string;
  organization: string | null;
  from: string | null;
  to: string | null;
  reason: string;
  placedBy: string;
  placedAt: string;
  releasedAt: string | null;
}

const listing = under({
  command: 'list',
  describe: 'What retention leaves alone, and why',
  builder: (args) => args,
  handler: async (session) => {
    const { holds: found } = await session.audit.get<{ holds: Hold[] }>(ALL);
    session.out.answer(found, () =>
      session.out.table(
        found,
        {
          ID: ({ id }) => id,
          ORGANIZATION: ({ organization }) => organization ?? 'all',
          FROM: ({ from }) => moment(from) ?? 'the beginning',
          TO: ({ to }) => moment(to) ?? 'without end',
          PLACED: ({ placedAt }) => moment(placedAt),
          RELEASED: ({ releasedAt }) => moment(releasedAt),
          REASON: ({ reason }) => reason,
        },
        'There are none.',
      ),
    );
  },
});

const place = under({
  command: 'place',
  describe: 'Keep events from being dropped, whatever their age; for the operator of the deployment',
  builder: (args) =>
    args
      .option('reason', { type: 'string', demandOption: true, describe: 'Why, such as the name of the case' })
      .option('all-organizations', { type: 'boolean', default: false, describe: 'Of every organization, instead of one' })
      .option('from', { type: 'string', describe: 'From then on, RFC 3339; left out: from the beginning' })
      .option('to', { type: 'string', describe: 'Until then, RFC 3339; left out: without end' }),
  handler: async (session, { reason, allOrganizations, from, to }) => {
    const organization = allOrganizations ? null : await session.org();
    const hold = await session.audit.post<Hold>(ALL, { organization, reason, from: from ?? null, to: to ?? null });
    session.out.answer(hold, () => session.out.say(`${hold.id} is placed on ${hold.organization ?? 'every organization'}.`));
  },
});

const release = under({
  command: 'release <id>',
  describe: 'End a hold: what is old enough is dropped at the next opportunity',
  builder: (args) =>
    args
      .positional('id', { type: 'string', demandOption: true, describe: 'As list shows it' })
      .option('confirm', { type: 'string', describe: 'Its id once more, to do it without being asked' }),
  handler: async (session, { id, confirm: given }) => {
    if (!idSchema('hld').safeParse(id).success) throw new Usage(`“${id}” is no id of a hold.`);
    await confirm(`What ${id} keeps, and is older than the retention, will be dropped for good.`, id, given);
    const hold = await session.audit.delete<Hold>(`${ALL}/${id}`);
    session.out.answer(hold, () => session.out.say(`${id} is released.`));
  },
});

export const holds = group('holds', 'Legal holds: what must be kept', listing, place, release);
