import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, subjects, usagePageSchema, type UsagePage } from '@keyward/contracts';
import { AuditHarness, event, type Replica } from './harness.js';

const [ORG, OTHER] = [newId('org'), newId('org')];
const [ROBOT, CLERK] = [newId('agt'), newId('agt')];
const day = (date: string) => new Date(`${date}T23:59:59.999Z`);
/** Days of this month's past, so that the trail takes them. */
const [FIRST, SECOND] = [-3, -2].map((days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)) as [
  string,
  string,
];
const ALL_DAYS = `from=${FIRST}&to=${SECOND}`;

describe('GET /v1/usage', () => {
  let audit: AuditHarness;
  let replica: Replica;
  const ask = (query: string) => audit.ask<UsagePage>(replica, `/v1/usage?${query}`);
  const groups = async (query: string) => {
    const { status, body } = await ask(query);
    expect(status).toBe(200);
    return usagePageSchema.parse(body).groups;
  };

  const call = { org: ORG, agent: ROBOT, user: 'ada', provider: 'sandbox', tool: 'sandbox_echo' };
  const known = [
    event({ ...call, state: 'succeeded', attempts: 1, durationMs: 10.4, costMicros: 2_000 }, day(FIRST)),
    event({ ...call, state: 'succeeded', attempts: 2, durationMs: 20, costMicros: 500 }, day(FIRST)),
    event({ ...call, state: 'failed', attempts: 3, durationMs: 5 }, day(SECOND)),
    event({ ...call, agent: CLERK, user: 'grace', state: 'denied', attempts: 0 }, day(SECOND)),
    event({ ...call, tool: 'no_such', provider: undefined, state: 'failed' }, day(SECOND)),
    event({ ...call, type: 'execution.waiting' }, day(SECOND)),
    event({ ...call, type: 'connection.refreshed' }, day(SECOND)),
    event({ ...call, org: OTHER, state: 'cancelled', costMicros: 1_500_000 }, day(SECOND)),
  ];

  beforeAll(async () => {
    audit = await AuditHarness.start(undefined, { KEYWARD_COST_CURRENCY: 'EUR' });
    replica = await audit.startReplica();
    await audit.publish(...known);
    await audit.settled();
  });
  afterAll(() => audit.stop());

  it('sums up what was called, and counts what is redelivered once', async () => {
    const again = known.map((one) => audit.publishRaw(subjects.audit(one.org), JSON.stringify(one)));
    await Promise.all([...again, ...known.map((one) => audit.publishRaw(subjects.audit(one.org), JSON.stringify(one)))]);
    await audit.settled();
    const { body } = await ask(`organization=${ORG}&${ALL_DAYS}`);
    expect(body).toEqual({
      groups: [
        { tool: 'no_such', calls: 1, succeeded: 0, failed: 1, denied: 0, attempts: 0, durationMs: 0, cost: '0' },
        { tool: 'sandbox_echo', calls: 4, succeeded: 2, failed: 1, denied: 1, attempts: 6, durationMs: 35, cost: '0.0025' },
      ],
      ...{ from: FIRST, to: SECOND, currency: 'EUR', nextCursor: null },
    });
  });

  it('adds what comes later to the same day', async () => {
    const org = newId('org');
    for (const costMicros of [1, 2, 3]) {
      await audit.publish(event({ ...call, org, state: 'succeeded', costMicros }, day(FIRST)));
      await audit.settled();
    }
    expect(await groups(`organization=${org}&${ALL_DAYS}&groupBy=day,state`)).toMatchObject([
      { day: FIRST, state: 'succeeded', calls: 3, cost: '0.000006' },
    ]);
  });

  it.each<[string, string, object[]]>([
    [
      'day',
      '',
      [
        { day: FIRST, calls: 2 },
        { day: SECOND, calls: 3 },
      ],
    ],
    [
      'connector',
      '',
      [
        { connector: null, calls: 1 },
        { connector: 'sandbox', calls: 4 },
      ],
    ],
    ['user,state', 'user=grace', [{ user: 'grace', state: 'denied', calls: 1 }]],
    ['agent', `agent=${CLERK}`, [{ agent: CLERK, calls: 1, denied: 1 }]],
    ['tool', 'connector=sandbox&state=succeeded', [{ tool: 'sandbox_echo', calls: 2 }]],
    ['tool', 'tool=no_such', [{ tool: 'no_such', calls: 1 }]],
  ])('groups by %s, of what is asked for alone', async (groupBy, narrowed, expected) => {
    const found = await groups(`organization=${ORG}&groupBy=${groupBy}&${ALL_DAYS}${narrowed === '' ? '' : `&${narrowed}`}`);
    expect(found).toMatchObject(expected);
    expect(found).toHaveLength(expected.length);
  });

  it('has nothing to tell of an organization without calls', async () => {
    expect(await groups(`organization=${newId('org')}&${ALL_DAYS}`)).toEqual([]);
  });

  it('counts the days that are named, both included, and no other', async () => {
    expect(await groups(`organization=${ORG}&groupBy=day&from=${FIRST}&to=${FIRST}`)).toMatchObject([{ day: FIRST, calls: 2 }]);
    expect(await groups(`organization=${ORG}&groupBy=day&from=2020-01-01&to=2020-12-31`)).toEqual([]);
    expect(await groups(`organization=${ORG}&groupBy=day`)).toHaveLength(2);
  });

  it('counts the whole deployment for its operator, by organization', async () => {
    const found = await groups(`groupBy=organization&${ALL_DAYS}&connector=sandbox`);
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ organization: ORG, calls: 4 }),
        expect.objectContaining({ organization: OTHER, calls: 1, cost: '1.5' }),
      ]),
    );
  });

  it('pages through every group once', async () => {
    const org = newId('org');
    const users = Array.from({ length: 25 }, (_, n) => `user-${String(n).padStart(2, '0')}`);
    await audit.publish(...users.map((user) => event({ ...call, org, user, state: 'succeeded' }, day(FIRST))));
    await audit.settled();
    const seen: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: UsagePage = (
        await ask(`organization=${org}&${ALL_DAYS}&groupBy=day,user&limit=4${cursor === '' ? '' : `&cursor=${cursor}`}`)
      ).body;
      seen.push(...page.groups.map(({ user }) => user));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(users);
  });

  it('is itself in the trail before it is answered', async () => {
    await ask(`organization=${ORG}&${ALL_DAYS}&groupBy=agent&user=ada`);
    await audit.settled();
    const last = (await audit.chain(ORG)).at(-1)?.event;
    expect(last).toMatchObject({ type: 'usage.read', actor: { kind: 'admin' } });
    expect(last?.target).toBe(`groupBy=agent&from=${FIRST}&to=${SECOND}&user=ada`);
  });

  it('is for those alone who may read the trail', async () => {
    const { status } = await audit.ask(replica, `/v1/usage?organization=${ORG}`, {});
    expect(status).toBe(401);
    expect((await ask('groupBy=hour')).status).toBe(400);
  });
});
