import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId, streams, subjects, type DeadLetter, type DeadLetterDetail, type DeadLetterSummary } from '@keyward/contracts';
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { AuthHarness } from './harness.js';

const all = '/v1/dead-letters';
const one = (id: number, rest = '') => `${all}/${id}${rest}`;

describe('dead letters', () => {
  let auth: AuthHarness;
  let jsm: JetStreamManager;
  let org: string;
  let agent: string;

  beforeAll(async () => {
    auth = await AuthHarness.start();
    jsm = await jetstreamManager(auth.nc);
    ({ org, agent } = await auth.team());
  });
  afterAll(() => auth?.stop());
  beforeEach(async () => {
    for (const { id } of await listed()) await auth.ask(one(id), { method: 'DELETE' });
  });

  const listed = async (query = '') => (await auth.ask<{ deadLetters: DeadLetterSummary[] }>(all + query)).body.deadLetters;

  /** As a worker gives a message up. */
  async function given(changes: Partial<DeadLetter> = {}, message: unknown = { id: newId('exe'), org }): Promise<number> {
    const letter: DeadLetter = {
      stream: streams.executions,
      subject: subjects.executionRequested(org, agent, newId('exe')),
      sequence: 7,
      deliveries: 60,
      code: 'dependency_unavailable',
      reason: 'The database can not answer at the moment.',
      failedAt: new Date().toISOString(),
      headers: {
        traceparent: ['00-aa'],
        'Keyward-Reply-To': ['_INBOX.gone'],
        'Keyward-Replayed': ['3'],
        'Nats-Msg-Id': ['exe_1'],
        more: ['a', 'b'],
      },
      data: Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)).toString('base64'),
      ...changes,
    };
    const { seq } = await jetstream(auth.nc).publish(subjects.deadLetter(letter.stream), JSON.stringify(letter));
    return seq;
  }

  async function inQueue() {
    const { state } = await jsm.streams.info(streams.executions);
    return state.messages === 0 ? undefined : jsm.streams.getMessage(streams.executions, { seq: state.last_seq });
  }

  it('are listed oldest first, all or of one stream, with whose they are', async () => {
    const first = await given();
    const second = await given({ stream: streams.refresh, subject: 'credential.refresh.sandbox', deliveries: 1 }, { org });
    const third = await given({ stream: streams.audit, subject: 'audit.x' }, 'no JSON');
    expect((await listed()).map(({ id, organization }) => [id, organization])).toEqual([
      [first, org],
      [second, org],
      [third, null],
    ]);
    expect((await listed('?stream=REFRESH')).map(({ id }) => id)).toEqual([second]);
  });

  it('come page by page, however many there are', async () => {
    const ids: number[] = [];
    for (let count = 0; count < 53; count++) ids.push(await given());
    const first = await auth.ask<{ deadLetters: DeadLetterSummary[]; nextCursor: string }>(all);
    const second = await auth.ask<{ deadLetters: DeadLetterSummary[]; nextCursor: null }>(
      `${all}?cursor=${first.body.nextCursor}`,
    );
    expect([...first.body.deadLetters, ...second.body.deadLetters].map(({ id }) => id)).toEqual(ids);
    expect([first.body.deadLetters.length, second.body.nextCursor]).toEqual([50, null]);
  });

  it('explain what they were for, what happened and what a replay does', async () => {
    const failed = (await auth.ask<DeadLetterDetail>(one(await given()))).body;
    expect(failed.message).toMatchObject({ org });
    expect(failed.explanation.meant).toBe('A tool call that an agent asked for.');
    expect(failed.explanation.happened).toContain('delivered 60 times and given up. Every attempt failed: The database');
    expect(failed.explanation.replay).toContain('it is not begun again');
    const malformed = await given({ deliveries: 1, code: 'invalid_request', reason: 'The request has no id.' }, 'x');
    const { body } = await auth.ask<DeadLetterDetail>(one(malformed));
    expect([body.message, body.explanation.happened]).toEqual([null, expect.stringContaining('No retry would have helped')]);
  });

  it('that are replayed are back in their stream as they were, once, without what only made sense then', async () => {
    const id = await given({}, { id: 'the very message' });
    const answers = await Promise.all([1, 2, 3].map(() => auth.ask(one(id, '/replay'), { method: 'POST' })));
    expect(answers.map(({ status }) => status)).toContain(200);
    expect(answers.every(({ status }) => status === 200 || status === 404)).toBe(true);
    const message = await inQueue();
    expect((await jsm.streams.info(streams.executions)).state.messages).toBe(1);
    expect(message?.json()).toEqual({ id: 'the very message' });
    const names = [...(message?.header.keys() ?? [])].filter((name) => !name.startsWith('Nats-')).sort();
    expect([names, message?.header.values('more')]).toEqual([
      ['Keyward-Replayed', 'more', 'traceparent'],
      ['a', 'b'],
    ]);
    expect(message?.header.values('Keyward-Replayed')).toEqual([String(id)]);
    expect(await listed()).toEqual([]);
  });

  it('that are discarded are gone, and nothing else', async () => {
    const [first, second] = [await given(), await given()];
    expect((await auth.ask(one(first), { method: 'DELETE' })).body).toMatchObject({ id: first, outcome: 'discarded' });
    expect((await listed()).map(({ id }) => id)).toEqual([second]);
    expect((await auth.ask(one(first), { method: 'DELETE' })).status).toBe(404);
  });

  it('leave a mark in the trail of their organization, whatever becomes of them', async () => {
    const [replayed, discarded] = [await given(), await given()];
    await auth.ask(one(replayed, '/replay'), { method: 'POST' });
    await auth.ask(one(discarded), { method: 'DELETE' });
    for (const type of ['dead_letter.replayed', 'dead_letter.discarded'])
      expect(await auth.auditEvent(org, type)).toMatchObject({
        org,
        actor: { kind: 'admin' },
        errorCode: 'dependency_unavailable',
      });
  });

  it.each(['0', '-1', '1.5', 'x', '99999999999999999999'])('are not asked for as %s', async (id) => {
    expect((await auth.ask(`${all}/${id}`)).status).toBe(400);
  });

  it('are for the operator alone', async () => {
    expect((await auth.ask(all, { token: '' })).status).toBe(401);
    expect((await auth.ask(all, { token: 'kwp_someone' })).status).toBe(401);
    expect((await auth.ask(one(4_000_000))).body).toMatchObject({ code: 'not_found' });
  });
});
