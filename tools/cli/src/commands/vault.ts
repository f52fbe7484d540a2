import type { RewrapProgress, RewrapSummary, ShreddedOrganization } from '@keyward/contracts';
import { confirm } from '../output/confirm.js';
import { Hint } from '../output/fail.js';
import type { Session } from '../session/session.js';
import { group, under } from './command.js';

/** Providers are given half a minute to confirm revocations first. */
const SHRED_TIMEOUT_MS = 120_000;
const AGAIN = 'Run it again: what is done stays done.';

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

/** A run that ended early is gone on with where it was: as long as each brings it further. */
async function rewrapAll(session: Session): Promise<RewrapSummary> {
  let after: string | undefined;
  for (;;) {
    let last: (RewrapProgress & Partial<RewrapSummary>) | undefined;
    for await (const step of session.admin.lines<RewrapProgress & Partial<RewrapSummary>>('POST', '/v1/vault/rewrap', {
      after,
    })) {
      last = step;
      session.out.progress(`${step.processed} data keys wrapped anew, ${step.failed} failed`);
    }
    session.out.progressEnd();
    if (last === undefined) throw new Hint('The answer ended before it began.', AGAIN);
    if (last.complete !== undefined) return last as RewrapSummary;
    if (last.resumeAfter === null || last.resumeAfter === after) throw new Hint('The answer ended early.', AGAIN);
    after = last.resumeAfter;
  }
}

const rewrap = under({
  command: 'rewrap',
  describe: 'After a change of the KMS key: wrap every data key anew. Interrupted, it goes on where it was',
  builder: (args) => args,
  handler: async (session) => {
    const report = await rewrapAll(session);
    session.out.answer(report, () => {
      session.out.say(`${report.processed} data keys are wrapped anew, ${report.failed} failed.`);
      for (const { organization, dataKey, code } of report.failures) session.out.say(`  ${dataKey} of ${organization}: ${code}`);
    });
    if (!report.complete) throw new Hint('Not every data key could be wrapped anew.', AGAIN);
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
    const answer = await session.admin.post<ShreddedOrganization>(
      `/v1/organizations/${organization}/shred`,
      { confirm: slug },
      SHRED_TIMEOUT_MS,
    );
    session.out.answer(answer, () =>
      session.out.say(
        `${name} is shredded: nobody can open its secrets. ${answer.connectionsRevoked} connections were revoked, ` +
          `${answer.revocationsUnconfirmed} of them without the provider’s receipt.`,
      ),
    );
  },
});

export const vault = group('vault', 'Keys of the vault: rotate, rewrap, shred', rotate, rewrap, shred);
