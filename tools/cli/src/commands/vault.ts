import { confirm } from '../output/confirm.js';
import { Hint } from '../output/fail.js';
import { group, under } from './command.js';

const rotate = under({
  command: 'rotate',
  describe: 'Seal what is new under a new data key of the organization',
  builder: (args) => args,
  handler: async (session) => {
    const organization = await session.org();
    const answer = await session.admin.post(await session.path(`/v1/organizations/${organization}/data-keys/rotate`));
    session.out.answer(answer ?? {}, () => session.out.say('From now on secrets are sealed under a new data key.'));
  },
});

interface Progress {
  processed: number;
  total?: number;
  rewrapped?: number;
  skipped?: number;
  failed: number;
}

const rewrap = under({
  command: 'rewrap',
  describe: 'After a change of the KMS key: wrap every data key anew. Interrupted, it goes on where it was',
  builder: (args) => args,
  handler: async (session) => {
    let last: Progress | undefined;
    for await (const step of session.admin.lines<Progress>('POST', '/v1/vault/rewrap', {})) {
      last = step;
      session.out.progress(
        `${step.processed}${step.total === undefined ? '' : ` of ${step.total}`} data keys, ${step.failed} failed`,
      );
    }
    session.out.progressEnd();
    if (last === undefined) throw new Hint('The answer ended before it began.', 'Run it again: what is done stays done.');
    const { processed, failed } = last;
    session.out.answer(last, () => session.out.say(`${processed} data keys looked at, ${failed} failed.`));
    if (failed > 0)
      throw new Hint(`${failed} data keys could not be wrapped anew.`, 'Look into the logs of auth-service, then run it again.');
  },
});

const shred = under({
  command: 'shred',
  describe: 'Destroy the organization’s data keys: nothing of it can ever be opened again',
  builder: (args) => args.option('confirm', { type: 'string', describe: 'The organization’s slug, so that nothing is asked' }),
  handler: async (session, { confirm: given }) => {
    const organization = await session.org();
    const { slug, name } = await session.admin.get<{ slug: string; name: string }>(`/v1/organizations/${organization}`);
    await confirm(`Every secret of ${name} will be lost for ever, and every connection revoked.`, slug, given);
    const answer = await session.admin.post(`/v1/organizations/${organization}/shred`, { confirm: slug });
    session.out.answer(answer, () => session.out.say(`${name} is shredded: its secrets can not be opened by anyone.`));
  },
});

export const vault = group('vault', 'Keys of the vault: rotate, rewrap, shred', rotate, rewrap, shred);
