import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Assignment, ToolListing } from '@keyward/contracts';
import { ask, CONNECTORS, startHarness, type Harness } from './harness.js';
import type { SeededAgent } from './seed.js';

let harness: Harness;
let organization: Awaited<ReturnType<Harness['seed']['organization']>>;
beforeAll(async () => {
  harness = await startHarness({ env: { KEYWARD_CONNECTORS_DIR: CONNECTORS } });
  organization = await harness.seed.organization();
});
afterAll(() => harness.stop());

const agentWith = (...assignments: Assignment[]): Promise<SeededAgent> => harness.seed.agent(organization, ...assignments);
const all = (connector: string): Assignment => ({ connector, permission: 'destructive', tools: null });
const call = ({ key }: SeededAgent, tool: string, args: object) =>
  ask(harness.url, `/v1/tools/${tool}/execute`, { key, body: { user: 'usr_ada', arguments: args } });
const taken = () => harness.executor.taken.at(-1)?.requested;

async function listed({ key }: SeededAgent, query = ''): Promise<ToolListing[]> {
  const { body } = await ask(harness.url, `/v1/tools${query}`, { key });
  return body['tools'] as ToolListing[];
}
const named = (tools: ToolListing[], name: string) => tools.find((tool) => tool.name === name);

const TASK = { list: 'PROJ', title: 'Mend the printer' };

describe('GET /v1/tools', () => {
  it('lists a unified tool for the connectors whose tool behind it is assigned', async () => {
    const two = await listed(await agentWith(all('jira'), all('trello')), '?user=usr_ada');
    const create = named(two, 'tasks_create');
    expect(create).toMatchObject({
      ...{ connector: null, connectors: ['jira', 'trello'], effect: 'write', scopes: [], connectionStatus: null },
      inputSchema: { properties: { connector: { enum: ['jira', 'trello'] } }, required: ['connector', 'list', 'title'] },
      ...{ outputSchema: { properties: { native: {} } }, version: null, documentation: null },
    });
    expect(create?.description).toMatch(/- jira: [^]*- trello: /);
    expect(create?.description).not.toContain('- asana:');
    expect(named(two, 'messages_send')).toBeUndefined();
    expect(named(two, 'jira_create_issue')).toMatchObject({
      ...{ connector: 'jira', connectors: ['jira'] },
      ...{ version: expect.stringMatching(/^[0-9a-f]{12}$/), documentation: null, outputSchema: {} },
    });
    expect(two.map(({ name }) => name)).toEqual(two.map(({ name }) => name).toSorted());
  });

  it('goes by the tool behind: its effect, and whether it is named', async () => {
    const reader = await listed(await agentWith({ connector: 'jira', permission: 'read', tools: null }, all('trello')));
    expect(named(reader, 'tasks_create')).toMatchObject({ connectors: ['trello'] });
    expect(named(reader, 'tasks_list')).toMatchObject({ connectors: ['jira', 'trello'] });
    const few = await listed(
      await agentWith({ connector: 'jira', permission: 'write', tools: ['jira_search_issues', 'tasks_create'] }),
    );
    expect(few.map(({ name }) => name)).toEqual(['jira_search_issues', 'tasks_list']);
    expect(named(few, 'tasks_list')?.inputSchema).toMatchObject({ required: ['list'] });
  });

  it('finds it by a connector and by what a connector’s notes say', async () => {
    const agent = await agentWith(all('jira'), all('trello'));
    expect(named(await listed(agent, '?connector=trello'), 'tasks_list')).toMatchObject({ connectors: ['jira', 'trello'] });
    expect(named(await listed(agent, '?connector=slack'), 'tasks_list')).toBeUndefined();
    expect((await listed(agent, '?search=tasks+column')).map(({ name }) => name)).toContain('tasks_create');
  });
});

describe('a call of a unified tool', () => {
  it('is handed over for the connector that it names, also by its name with a dot', async () => {
    const agent = await agentWith(all('jira'), all('trello'));
    for (const name of ['tasks_create', 'tasks.create', 'tasks%2Ecreate']) {
      const { status, body } = await call(agent, name, { connector: 'jira', ...TASK });
      expect([status, body['tool']]).toEqual([200, 'tasks_create']);
      expect(taken()).toMatchObject({ tool: 'tasks_create', arguments: { connector: 'jira', ...TASK } });
    }
  });

  it('goes to the only one that the agent has, and else asks which', async () => {
    const one = await agentWith(all('jira'), { connector: 'trello', permission: 'read', tools: null });
    expect(await call(one, 'tasks_create', TASK)).toMatchObject({ status: 200 });
    expect(taken()?.arguments).toEqual({ connector: 'jira', ...TASK });
    const two = await agentWith(all('jira'), all('trello'));
    expect(await call(two, 'tasks_create', TASK)).toMatchObject({
      status: 400,
      body: { code: 'invalid_arguments', errors: [{ pointer: '/connector', detail: 'must be one of jira, trello' }] },
    });
  });

  it.each<[string, object, string, object]>([
    ['of nobody', {}, 'tool_not_assigned', {}],
    ['of a connector that is not assigned', { connector: 'trello' }, 'tool_not_assigned', {}],
    ['of no connector', { connector: 'gamma' }, 'invalid_arguments', { errors: [{ pointer: '/connector' }] }],
    ['of a prototype', { connector: 'constructor' }, 'invalid_arguments', { errors: [{ pointer: '/connector' }] }],
    ['of a list of them', { connector: ['jira'] }, 'invalid_arguments', { errors: [{ pointer: '/connector' }] }],
    [
      'with what the tool behind it refuses',
      { connector: 'jira', due: 'soon' },
      'invalid_arguments',
      { errors: [{ pointer: '/due' }] },
    ],
    [
      'with labels that Jira has not',
      { connector: 'jira', labels: ['two words'] },
      'invalid_arguments',
      { errors: [{ pointer: '/labels/0' }] },
    ],
  ])('%s is refused here, and audited', async (what, args, code, more) => {
    const agent = await agentWith(...(what === 'of nobody' ? [all('slack')] : [all('jira')]));
    const before = harness.executor.taken.length;
    const { body } = await call(agent, 'tasks.create', { ...TASK, ...args });
    expect(body).toMatchObject({ code, ...more });
    expect(harness.executor.taken).toHaveLength(before);
    const event = (await harness.auditEvents()).findLast((each) => each.agent === agent.agent);
    expect(event).toMatchObject({ tool: 'tasks_create', errorCode: code });
  });

  it.each(['tasks..create', 'tasks.create.x', '.tasks_create', 'tasks.', 'tasks%2F..%2Fcreate', 'tasks%00create'])(
    'is not there by the name %s',
    async (name) => {
      const { status } = await call(await agentWith(all('jira')), name, { connector: 'jira', ...TASK });
      expect([400, 404]).toContain(status);
    },
  );
});
