import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { KeywardError } from '@keyward/contracts';
import { loadCatalog } from '../load/load-catalog.js';
import type { Answer, Scope } from '../tool/tool.js';

const CONNECTORS = join(import.meta.dirname, '../../../../connectors');
const NAMES = 'asana github google_workspace hubspot intercom jira linear microsoft_365 salesforce slack trello unified'.split(
  ' ',
);
const dir = mkdtempSync(join(tmpdir(), 'keyward-unified-'));
for (const name of NAMES) symlinkSync(join(CONNECTORS, name), join(dir, name));
const catalog = loadCatalog(dir, {});
afterAll(() => rmSync(dir, { recursive: true }));

type Given = Readonly<Record<string, unknown>>;
const argumentsOf = (name: string, given: Given) => catalog.call(name, given).argumentsOf();

/** What comes out where the vendor answers this, `native` left out. */
async function outputOf(name: string, given: Given, body: unknown): Promise<unknown> {
  const { tool, argumentsOf: native } = catalog.call(name, given);
  const args = await native();
  const answer: Answer = { status: 200, headers: {}, body };
  const scope: Scope = { args, steps: {}, key: 'key', connection: {}, provider: tool.provider };
  const output = await (tool.pagination === null
    ? tool.outputOf(answer, scope)
    : tool.pagination.page(answer, scope, { wanted: 1, position: {} }));
  const [first] = (output as { items?: unknown[] }).items ?? [output];
  const { native: own, ...unified } = first as Record<string, unknown>;
  expect(own).toBeDefined();
  return unified;
}

it('our own say in words that a model’s API takes what they are, and of every argument what it is', () => {
  for (const tool of catalog.unifiedTools()) {
    const { description, inputSchema } = tool.describe([...tool.toolNames.keys()]);
    expect([tool.name, description.length > 40, description.length <= 1_024]).toEqual([tool.name, true, true]);
    const silent = Object.entries(inputSchema['properties'] as Record<string, { description?: string }>)
      .filter(([, schema]) => schema.description === undefined)
      .map(([name]) => `${tool.name} ${name}`);
    expect(silent).toEqual([]);
  }
});

const PROMPT = { title: 'Mend the printer', description: 'It is **offline**.', due: '2026-12-31' };

describe('the same prompt makes a task wherever one argument says', () => {
  it.each([
    ['jira', 'PROJ', { project_key: 'PROJ', summary: PROMPT.title, description: PROMPT.description, due_date: PROMPT.due }],
    ['asana', '1101', { project_gids: ['1101'], name: PROMPT.title, notes: PROMPT.description, due_on: PROMPT.due }],
    [
      'trello',
      '5abbe4b7ddc1b351ef961414',
      { list_id: '5abbe4b7ddc1b351ef961414', name: PROMPT.title, description: PROMPT.description, due: PROMPT.due },
    ],
    [
      'linear',
      '22222222-2222-4222-8222-222222222222',
      {
        teamId: '22222222-2222-4222-8222-222222222222',
        title: PROMPT.title,
        description: PROMPT.description,
        dueDate: PROMPT.due,
      },
    ],
    ['github', 'octocat/hello', { owner: 'octocat', repo: 'hello', title: PROMPT.title, body: PROMPT.description }],
  ])('%s', async (connector, list, native) => {
    expect(await argumentsOf('tasks_create', { connector, list, ...PROMPT })).toEqual(native);
  });
});

describe('what is given to a connector', () => {
  it.each<[string, Given, Given]>([
    [
      'tasks_list',
      { connector: 'jira', list: 'PROJ' },
      { jql: 'project = "PROJ" AND statusCategory != Done ORDER BY created DESC' },
    ],
    ['tasks_list', { connector: 'jira', list: 'PROJ', status: 'all' }, { jql: 'project = "PROJ" ORDER BY created DESC' }],
    [
      'tasks_list',
      { connector: 'github', list: 'a/b', status: 'all', limit: 5 },
      { owner: 'a', repo: 'b', state: 'all', limit: 5 },
    ],
    [
      'tasks_update',
      { connector: 'github', list: 'a/b', task: '42', title: 'x' },
      { owner: 'a', repo: 'b', issue_number: 42, title: 'x' },
    ],
    ['tasks_update', { connector: 'jira', task: 'PROJ-1', list: 'PROJ', labels: ['one'] }, { issue: 'PROJ-1', labels: ['one'] }],
    [
      'messages_send',
      { connector: 'slack', to: ['C012'], subject: 'A<B', text: 'a & <b>' },
      { channel: 'C012', text: '*A&lt;B*\na &amp; &lt;b&gt;' },
    ],
    [
      'messages_send',
      { connector: 'google_workspace', to: ['a@example.com'], text: '1 < 2\n<script>' },
      { to: ['a@example.com'], subject: '', text: '1 < 2\n<script>', html: '1 &lt; 2<br>&lt;script&gt;' },
    ],
    [
      'messages_list',
      { connector: 'slack', folder: 'C012', since: '2026-01-31T00:00:00+01:00' },
      { channel: 'C012', oldest: '1769814000' },
    ],
    [
      'messages_list',
      { connector: 'google_workspace', until: '2026-01-31T00:00:00Z', limit: 80 },
      { query: 'before:1769817600', limit: 50 },
    ],
    [
      'events_create',
      {
        connector: 'microsoft_365',
        title: 'Plan',
        start: '2026-01-31T09:00:00+01:00',
        end: '2026-01-31T10:00:00+01:00',
        description: 'a\nb',
      },
      {
        subject: 'Plan',
        start: '2026-01-31T08:00:00',
        end: '2026-01-31T09:00:00',
        timeZone: 'UTC',
        allDay: false,
        html: 'a<br>b',
      },
    ],
    [
      'events_create',
      { connector: 'microsoft_365', title: 'Plan', start: '2026-01-31', end: '2026-02-01' },
      { subject: 'Plan', start: '2026-01-31T00:00:00', end: '2026-02-01T00:00:00', timeZone: 'UTC', allDay: true },
    ],
    ['events_update', { connector: 'microsoft_365', event: 'e', title: 'New' }, { eventId: 'e', subject: 'New' }],
    [
      'contacts_create',
      { connector: 'intercom', firstName: 'Ada', lastName: 'King', email: 'a@example.com' },
      { name: 'Ada King', email: 'a@example.com' },
    ],
    [
      'contacts_create',
      { connector: 'intercom', lastName: 'King', email: 'a@example.com' },
      { name: 'King', email: 'a@example.com' },
    ],
  ])('%s %j', async (name, given, native) => {
    expect(await argumentsOf(name, given)).toEqual(native);
  });

  it.each<[string, Given, string]>([
    ['tasks_create', { connector: 'github', list: 'hello', title: 'x' }, '/list'],
    ['tasks_create', { connector: 'github', list: 'a/b/c', title: 'x' }, '/list'],
    ['tasks_create', { connector: 'linear', list: 'ENG', title: 'x' }, '/list'],
    ['tasks_update', { connector: 'github', list: 'a/b', task: 'PROJ-1', title: 'x' }, '/task'],
    ['tasks_complete', { connector: 'github', task: '42' }, '/list'],
    ['messages_send', { connector: 'slack', to: ['C012', 'C013'], text: 'x' }, '/to'],
    ['messages_list', { connector: 'slack' }, '/folder'],
    ['events_update', { connector: 'google_workspace', event: 'e', start: '2026-01-31' }, '/end'],
    ['events_create', { connector: 'google_workspace', title: 'x', start: 'tomorrow', end: '2026-01-31' }, '/start'],
    ['contacts_create', { connector: 'hubspot', firstName: 'Ada' }, '/lastName'],
  ])('%s %j is refused at %s', async (name, given, pointer) => {
    const error: unknown = await argumentsOf(name, given).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KeywardError);
    expect(error).toMatchObject({ code: 'invalid_arguments' });
    expect((error as KeywardError).details.errors?.map((one) => one.pointer)).toContain(pointer);
  });
});

describe('what is made of several arguments', () => {
  it('is refused with all of them named', async () => {
    const error: unknown = await argumentsOf('tasks_list', { connector: 'jira', list: 'A" OR project = "B' }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: 'invalid_arguments',
      details: { errors: [{ pointer: '', detail: 'list, status do not fit jira_search_issues: its jql is required' }] },
    });
  });
});

describe('what comes of a vendor’s answer', () => {
  const ISSUE = {
    ...{ id: '10001', key: 'PROJ-1', self: 'https://acme.example/10001' },
    fields: {
      ...{ summary: 'Mend', labels: ['office'], duedate: '2026-12-31', project: { id: '1', key: 'PROJ', name: 'Project' } },
      ...{ status: { name: 'Closed', statusCategory: { key: 'done' } }, assignee: { accountId: '5b10', displayName: 'Ada' } },
    },
  };
  it.each<[string, string, Given, unknown, Given]>([
    [
      ...(['tasks_list', 'jira', { list: 'PROJ' }, { issues: [ISSUE] }] as const),
      {
        id: 'PROJ-1',
        title: 'Mend',
        list: 'PROJ',
        done: true,
        status: 'Closed',
        assignee: '5b10',
        labels: ['office'],
        due: '2026-12-31',
      },
    ],
    [
      ...(['tasks_list', 'asana', { list: '1101' }] as const),
      {
        data: [
          {
            gid: '1201',
            name: 'Mend',
            completed: false,
            due_on: null,
            assignee: { gid: '9', name: 'Ada' },
            projects: [{ gid: '1101' }],
            permalink_url: 'https://asana.example/1',
          },
        ],
      },
      { id: '1201', title: 'Mend', list: '1101', done: false, assignee: '9', due: null, url: 'https://asana.example/1' },
    ],
    [
      ...(['tasks_list', 'trello', { list: '5abbe4b7ddc1b351ef961414' }] as const),
      [
        {
          id: 'c1',
          name: 'Mend',
          desc: 'Now',
          idList: 'l1',
          idMembers: ['m1'],
          labels: [{ id: 'x', name: 'office' }],
          due: null,
          dueComplete: true,
          url: 'https://trello.example/1',
        },
      ],
      {
        id: 'c1',
        title: 'Mend',
        description: 'Now',
        list: 'l1',
        done: true,
        assignee: 'm1',
        labels: ['office'],
        due: null,
        url: 'https://trello.example/1',
      },
    ],
    [
      ...(['tasks_create', 'jira', { list: 'PROJ', title: 'Mend' }, { id: '10001', key: 'PROJ-1', self: 'x' }] as const),
      { id: 'PROJ-1', title: 'Mend', list: 'PROJ', done: false },
    ],
    [
      ...(['events_list', 'microsoft_365', { start: '2026-01-31T00:00:00Z', end: '2026-02-01T00:00:00Z' }] as const),
      {
        value: [
          {
            ...{
              id: 'e',
              subject: 'Plan',
              isAllDay: false,
              location: { displayName: 'Room 1' },
              webLink: 'https://outlook.example/1',
            },
            ...{
              start: { dateTime: '2026-01-31T08:00:00.0000000', timeZone: 'UTC' },
              end: { dateTime: '2026-01-31T09:00:00.0000000', timeZone: 'UTC' },
            },
            attendees: [
              {
                emailAddress: { address: 'a@example.com', name: 'A' },
                status: { response: 'tentativelyAccepted' },
                type: 'required',
              },
            ],
          },
        ],
      },
      {
        ...{ id: 'e', title: 'Plan', start: '2026-01-31T08:00:00.0000000Z', end: '2026-01-31T09:00:00.0000000Z', allDay: false },
        ...{
          location: 'Room 1',
          attendees: [{ email: 'a@example.com', name: 'A', response: 'tentative' }],
          url: 'https://outlook.example/1',
        },
      },
    ],
    [
      ...(['contacts_list', 'hubspot', {}] as const),
      {
        results: [
          {
            id: '501',
            properties: {
              firstname: 'Ada',
              lastname: 'King',
              email: 'a@example.com',
              phone: null,
              company: 'Acme',
              jobtitle: 'Programmer',
            },
            createdAt: 'c',
            updatedAt: 'u',
            archived: false,
          },
        ],
      },
      {
        id: '501',
        name: 'Ada King',
        firstName: 'Ada',
        lastName: 'King',
        email: 'a@example.com',
        phone: null,
        company: 'Acme',
        jobTitle: 'Programmer',
        createdAt: 'c',
        updatedAt: 'u',
      },
    ],
  ])('%s for %s', async (name, connector, given, body, unified) => {
    expect(await outputOf(name, { connector, ...given }, body)).toEqual(unified);
  });
});
