import type { DeadLetterDetail, DeadLetterSummary, SettledDeadLetter } from '@keyward/contracts';
import { confirm } from '../output/confirm.js';
import { group, under } from './command.js';
import { moment } from './names.js';

const ALL = '/v1/dead-letters';
const ID = { type: 'number', demandOption: true, describe: 'Its number, as list shows it' } as const;
const CONFIRM = { type: 'string', describe: 'Its number once more, to do it without being asked' } as const;

const listing = under({
  command: 'list',
  describe: 'Messages that were given up, oldest first',
  builder: (args) => args.option('stream', { type: 'string', describe: 'Only of this one, such as EXECUTIONS' }),
  handler: async (session, { stream }) => {
    const letters = await session.everyPage<DeadLetterSummary>('deadLetters', ALL, stream === undefined ? {} : { stream });
    session.out.answer(letters, () =>
      session.out.table(
        letters,
        {
          ID: ({ id }) => id,
          STREAM: ({ stream: name }) => name,
          GIVEN_UP: ({ failedAt }) => moment(failedAt),
          ORGANIZATION: ({ organization }) => organization,
          CODE: ({ code }) => code,
          REASON: ({ reason }) => reason,
        },
        'There are none.',
      ),
    );
  },
});

const get = under({
  command: 'get <id>',
  describe: 'One of them: what it is, what happened, what replaying it does',
  builder: (args) => args.positional('id', ID),
  handler: async (session, { id }) => {
    const letter = await session.admin.get<DeadLetterDetail>(`${ALL}/${id}`);
    session.out.answer(letter, () => {
      const { explanation, message, headers: _, ...rest } = letter;
      session.out.details({ ...rest, organization: rest.organization ?? undefined, failedAt: moment(rest.failedAt) });
      for (const text of [explanation.meant, explanation.happened, `Replay: ${explanation.replay}`]) session.out.say(`\n${text}`);
      session.out.say(`\n${JSON.stringify(message, null, 2)}`);
    });
  },
});

const replay = under({
  command: 'replay <id>',
  describe: 'Put it back where it came from',
  builder: (args) => args.positional('id', ID).option('confirm', CONFIRM),
  handler: async (session, { id, confirm: given }) => {
    const { subject, explanation } = await session.admin.get<DeadLetterDetail>(`${ALL}/${id}`);
    await confirm(`${subject}. ${explanation.replay}`, String(id), given);
    const settled = await session.admin.post<SettledDeadLetter>(`${ALL}/${id}/replay`);
    session.out.answer(settled, () => session.out.say(`${id} is back in ${settled.stream}.`));
  },
});

const discard = under({
  command: 'discard <id>',
  describe: 'Throw it away; that it was is in the audit trail',
  builder: (args) => args.positional('id', ID).option('confirm', CONFIRM),
  handler: async (session, { id, confirm: given }) => {
    const { subject, explanation } = await session.admin.get<DeadLetterDetail>(`${ALL}/${id}`);
    await confirm(`${subject}. ${explanation.happened}`, String(id), given);
    const settled = await session.admin.delete<SettledDeadLetter>(`${ALL}/${id}`);
    session.out.answer(settled, () => session.out.say(`${id} is gone.`));
  },
});

export const deadLetters = group('dead-letters', 'Messages that no retry helped', listing, get, replay, discard);
