import { randomUUID } from 'node:crypto';
import type { ErrorCode, ExecutionResult, WaitingFor } from '@keyward/contracts';
import { JsonClient } from '@keyward/sdk';
import { walkConnectPages } from '../connect/connect-user.js';
import type { StackInfo } from '../stack-info.js';
import { castAgent, type StoryAgent } from './cast.js';
import type { Narrator } from './narrator.js';
import { call, eventually, quoted } from './scene.js';

/** Of two kinds: one has REST, the other GraphQL. */
export const VENDORS = ['asana', 'linear'] as const;
type VendorName = (typeof VENDORS)[number];

const STORM = { requests: 6, seconds: 1 };
const CALLS_IN_STORM = 4;

interface Chapter {
  info: StackInfo;
  sandbox: JsonClient;
  agent: StoryAgent;
  /** Where tasks go at each vendor, as it names such places: new ones each time that this is told. */
  lists: Readonly<Record<VendorName, string>>;
  /** Grants at the provider that were there before. */
  strangers: ReadonlySet<string>;
  tell: Narrator;
}

interface Grant {
  grant: string;
  client: string;
}

/** A call as it stands, whether it has ended or not. */
type Standing = Pick<ExecutionResult, 'id' | 'state' | 'output' | 'attempts' | 'rateLimit'> & { waitingFor?: WaitingFor };

interface Task {
  id: string;
  title: string;
  native: object;
}

/**
 * The second chapter: one tool over two vendors, on a stack that emulates them.
 * @throws Surprise at the first thing that goes otherwise
 */
export async function tellVendors(info: StackInfo, sandboxManagementToken: string, tell: Narrator): Promise<void> {
  const admin = new JsonClient(info.authUrl, info.admin.token);
  const sandbox = new JsonClient(info.sandbox.url, sandboxManagementToken);
  tell.step('Two vendors as they describe themselves, Asana by REST and Linear by GraphQL, and an agent that has their tools');
  const agent = await castAgent(info, admin, `vendors-${Date.now().toString(36)}`, 'Planner', VENDORS);
  const lists = { asana: String(Date.now()), linear: randomUUID() };
  const { grants } = await sandbox.get<{ grants: Grant[] }>('/sandbox/tokens');
  const strangers = new Set(grants.map(({ grant }) => grant));
  const chapter: Chapter = { info, sandbox, agent, lists, strangers, tell };
  tell.say(VENDORS.map((name) => `${info.sandbox.url}/vendors/${name}`).join(', '));
  for (const vendor of VENDORS) await createWithoutConnection(chapter, vendor);
  await surviveTheStorm(chapter, 'asana');
  await outliveTheGrant(chapter, 'asana');
  await listAndComplete(chapter, 'asana', 1 + CALLS_IN_STORM + 1);
  await listAndComplete(chapter, 'linear', 1);
  const elsewhere = await call(agent, info.user, 'tasks_list', { connector: 'trello', list: 'x' });
  tell.check('the same with a connector that the agent was not given', elsewhere.code, 'tool_not_assigned' satisfies ErrorCode);
}

async function createWithoutConnection(chapter: Chapter, vendor: VendorName): Promise<void> {
  const { agent, tell } = chapter;
  tell.step(`tasks_create with connector: ${vendor}, for ada, who has connected nothing there: the call waits for her`);
  const parked = await create(chapter, vendor, 'Mend the lamp');
  tell.check('the call is', parked.state, 'waiting_for_authorization');
  tell.check('because of', reasonOf(parked), 'connection_required');
  await authorize(chapter, parked);
  const ended = await endOf(agent, parked.id);
  tell.check('the same call, by itself', ended.state, 'succeeded');
  tell.say(quoted(withoutNative(ended.output)));
}

async function surviveTheStorm(chapter: Chapter, vendor: VendorName): Promise<void> {
  const { sandbox, tell } = chapter;
  tell.step(`A storm of 429 at ${vendor}: the next ${STORM.requests} requests are too many, come again in ${STORM.seconds} s`);
  const order = {
    kind: 'limit',
    style: 'retry-after',
    seconds: STORM.seconds,
    path: `/vendors/${vendor}/`,
    count: STORM.requests,
  };
  const { id } = await sandbox.post<{ id: string }>('/sandbox/chaos', order);
  const titles = Array.from({ length: CALLS_IN_STORM }, (_, index) => `In the storm ${index + 1}`);
  const results = await Promise.all(titles.map((title) => create(chapter, vendor, title)));
  for (const [index, { state, attempts, rateLimit }] of results.entries()) {
    tell.check(`call ${index + 1}, ${attempts} attempts, waited ${Math.round(rateLimit?.waitedMs ?? 0)} ms`, state, 'succeeded');
  }
  const attempts = results.reduce((sum, one) => sum + one.attempts, 0);
  tell.check('attempts in all: one for each call, and one for each 429', attempts, CALLS_IN_STORM + STORM.requests);
  await sandbox.delete(`/sandbox/chaos/${id}`);
  const counts = titles.map((title) => ({ title, count: 0 }));
  const tasks = await listOf(chapter, vendor);
  for (const counted of counts) counted.count = tasks.filter(({ title }) => title === counted.title).length;
  tell.check('tasks that the storm left', counts.map(({ count }) => count).join(' '), titles.map(() => 1).join(' '));
}

async function outliveTheGrant(chapter: Chapter, vendor: VendorName): Promise<void> {
  const { info, sandbox, agent, tell } = chapter;
  tell.step(`${vendor} ends ada’s grant, as if she had taken it back there`);
  const { connections } = await agent.http.get<{ connections: { provider: string; id: string }[] }>(
    `/v1/connections?user=${info.user}`,
  );
  const before = connections.find(({ provider }) => provider === vendor)?.id;
  const { grants } = await sandbox.get<{ grants: Grant[] }>('/sandbox/tokens');
  const [grant] = grants.filter(({ grant: id, client }) => client.endsWith(`-${vendor}`) && !chapter.strangers.has(id));
  await sandbox.post('/sandbox/tokens/revoke', { grant: grant?.grant });
  const title = 'Written after all';
  const parked = await create(chapter, vendor, title);
  tell.check('the next call is', parked.state, 'waiting_for_authorization');
  tell.check('because of', reasonOf(parked), 'needs_reauthorization');
  await authorize(chapter, parked);
  tell.check('once she has authorized again, the same call', (await endOf(agent, parked.id)).state, 'succeeded');
  const tasks = await listOf(chapter, vendor);
  tell.check('tasks of it', tasks.filter((task) => task.title === title).length, 1);
  const now = await agent.http.get<{ connections: { provider: string; id: string }[] }>(`/v1/connections?user=${info.user}`);
  tell.check('on the same connection', now.connections.find(({ provider }) => provider === vendor)?.id, before);
}

async function listAndComplete(chapter: Chapter, vendor: VendorName, expected: number): Promise<void> {
  const { agent, tell } = chapter;
  tell.step(`tasks_list and tasks_complete with connector: ${vendor}`);
  const tasks = await listOf(chapter, vendor);
  const [newest] = tasks;
  tell.check('tasks', tasks.length, expected);
  tell.say(`of all alike: ${quoted(withoutNative(newest))}`);
  tell.say(`${vendor}’s own, under native: ${Object.keys(newest?.native ?? {}).join(', ')}`);
  const task = { connector: vendor, task: newest?.id };
  const asked = await execute(chapter, 'tasks_complete', task);
  if (asked.state === 'waiting_for_authorization') {
    tell.check(
      'tasks_complete of that one waits, since a grant for creating is none for changing',
      reasonOf(asked),
      'missing_scopes',
    );
    await authorize(chapter, asked);
  }
  tell.check('tasks_complete of that one', (await endOf(agent, asked.id)).state, 'succeeded');
  tell.check('open tasks then', (await listOf(chapter, vendor)).length, expected - 1);
}

/** The same arguments wherever it goes, but for where that is. */
function create(chapter: Chapter, connector: VendorName, title: string): Promise<Standing> {
  const args = { connector, list: chapter.lists[connector], title, description: 'By an agent', due: '2030-12-31' };
  return execute(chapter, 'tasks_create', args);
}

function execute({ info, agent }: Chapter, tool: string, args: object): Promise<Standing> {
  return agent.http.post<Standing>(`/v1/tools/${tool}/execute`, { user: info.user, arguments: args, wait: 'authorization' });
}

const reasonOf = ({ waitingFor }: Standing): WaitingFor['reason'] | undefined => waitingFor?.reason;

async function listOf({ info, agent, lists }: Chapter, connector: VendorName): Promise<Task[]> {
  const args = { connector, list: lists[connector], limit: 100 };
  const { state, output, code } = await call(agent, info.user, 'tasks_list', args);
  if (state !== 'succeeded') throw new Error(`tasks_list at ${connector} ended ${state} ${code ?? ''}`);
  return (output as { items: Task[] }).items;
}

async function authorize({ info, tell }: Pick<Chapter, 'info' | 'tell'>, { waitingFor }: Standing): Promise<void> {
  if (waitingFor?.connectUrl === undefined) throw new Error('the waiting call carries no link');
  await walkConnectPages(waitingFor.connectUrl, info.sandbox, (title, action) =>
    tell.say(`page “${title}”${action === '' ? '' : ` → ${action}`}`),
  );
}

/** @throws Error where it does not end within a time that is long for one machine */
async function endOf(agent: StoryAgent, id: string): Promise<Standing> {
  let standing: Standing | undefined;
  const ended = await eventually(async () => {
    standing = await agent.http.get<Standing>(`/v1/executions/${id}`);
    return !['queued', 'running', 'waiting_for_authorization'].includes(standing.state);
  });
  if (!ended || standing === undefined) throw new Error(`the call ${id} does not go on: ${standing?.state ?? 'unknown'}`);
  return standing;
}

function withoutNative(task: unknown): object {
  const { native: _native, ...common } = (task ?? {}) as Partial<Task>;
  return common;
}
