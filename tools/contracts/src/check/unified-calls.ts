import type { Arguments } from './make-arguments.js';

/** The unified tools of each family, and for whom. */
export const FAMILIES = {
  tasks: {
    tools: ['tasks_complete', 'tasks_create', 'tasks_list', 'tasks_update'],
    connectors: ['asana', 'github', 'jira', 'linear', 'trello'],
  },
  messages: { tools: ['messages_list', 'messages_send'], connectors: ['google_workspace', 'microsoft_365', 'slack'] },
  files: {
    tools: ['files_create', 'files_list', 'files_read', 'files_search'],
    connectors: ['google_workspace', 'microsoft_365'],
  },
  events: {
    tools: ['events_create', 'events_delete', 'events_list', 'events_update', 'free_busy'],
    connectors: ['google_workspace', 'microsoft_365'],
  },
  contacts: {
    tools: ['contacts_create', 'contacts_list', 'contacts_search', 'contacts_update'],
    connectors: ['hubspot', 'intercom', 'salesforce'],
  },
} as const;

export interface UnifiedCalls {
  readonly tool: string;
  readonly connector: string;
  /** One with what is required, one with all there is. */
  readonly calls: readonly Arguments[];
}

/** What differs between task systems: how they name things. */
const TASKS: Readonly<Record<string, Readonly<Record<'list' | 'task' | 'assignee' | 'label', string>>>> = {
  jira: { list: 'PROJ', task: 'PROJ-1', assignee: '5b10a2844c20165700ede21g', label: 'office' },
  asana: { list: '1101', task: '1201', assignee: 'ada@example.com', label: 'office' },
  trello: {
    ...{ list: '5abbe4b7ddc1b351ef961414', task: '5abbe4b7ddc1b351ef961415' },
    ...{ assignee: '5abbe4b7ddc1b351ef961416', label: '5abbe4b7ddc1b351ef961417' },
  },
  linear: {
    ...{ list: '22222222-2222-4222-8222-222222222222', task: 'ENG-123' },
    ...{ assignee: '11111111-1111-4111-8111-111111111111', label: '33333333-3333-4333-8333-333333333333' },
  },
  github: { list: 'octocat/hello', task: '42', assignee: 'octocat', label: 'bug' },
};

const tasks = Object.entries(TASKS).flatMap(([connector, { list, task, assignee, label }]): UnifiedCalls[] => {
  const prompt = { title: 'Mend the printer', description: 'It is offline.', due: '2026-12-31', assignee, labels: [label] };
  const inRepository = connector === 'github' ? { list } : {};
  return [
    {
      tool: 'tasks_create',
      connector,
      calls: [
        { list, title: 'Mend the printer' },
        { list, ...prompt },
      ],
    },
    { tool: 'tasks_list', connector, calls: [{ list }, { list, status: 'open' }, { list, status: 'all' }] },
    {
      tool: 'tasks_update',
      connector,
      calls: [
        { task, ...inRepository, title: 'Mend it' },
        { task, list, ...prompt },
      ],
    },
    { tool: 'tasks_complete', connector, calls: [{ task, ...inRepository }] },
  ];
});

const SINCE = '2026-01-31T00:00:00+01:00';
const UNTIL = '2026-02-01T00:00:00+01:00';
const MAIL = [
  { to: ['anna@example.com'], text: 'Hello' },
  { to: ['anna@example.com', 'ben@example.com'], cc: ['carla@example.com'], subject: 'Plan', text: 'Is 1 < 2 & 3?\nYes.' },
];

const messages: UnifiedCalls[] = [
  {
    tool: 'messages_send',
    connector: 'slack',
    calls: [
      { to: ['C0123456789'], text: 'Hello' },
      { to: ['C0123456789'], subject: 'Plan', text: 'Is 1 < 2 & 3?' },
    ],
  },
  {
    tool: 'messages_list',
    connector: 'slack',
    calls: [{ folder: 'C0123456789' }, { folder: 'C0123456789', since: SINCE, until: UNTIL }],
  },
  { tool: 'messages_send', connector: 'google_workspace', calls: MAIL },
  {
    tool: 'messages_list',
    connector: 'google_workspace',
    calls: [{}, { folder: 'INBOX', since: SINCE, until: UNTIL, limit: 500 }],
  },
  { tool: 'messages_send', connector: 'microsoft_365', calls: MAIL },
  { tool: 'messages_list', connector: 'microsoft_365', calls: [{}, { folder: 'inbox', since: SINCE, until: UNTIL }] },
];

const event = {
  ...{ title: 'Plan', start: '2026-01-31T09:00:00+01:00', end: '2026-01-31T10:00:00+01:00', description: 'Is 1 < 2?\nYes.' },
  ...{ location: 'Room 1', attendees: ['anna@example.com'] },
};
const office = ['google_workspace', 'microsoft_365'].flatMap((connector): UnifiedCalls[] => {
  const [id, calendar] = connector === 'microsoft_365' ? ['AAMkEv', 'AAMkCal'] : ['abc123', 'team@example.com'];
  return [
    { tool: 'files_list', connector, calls: [{}, { folder: '1aBc', drive: '0aBc' }] },
    { tool: 'files_search', connector, calls: [{ query: 'plan' }, { query: 'plan', drive: '0aBc' }] },
    { tool: 'files_read', connector, calls: [{ file: '1aBc' }, { file: '1aBc', drive: '0aBc' }] },
    {
      tool: 'files_create',
      connector,
      calls: [
        { name: 'a.md', content: 'Hello' },
        {
          ...{ name: 'a.md', content: 'SGVsbG8=', encoding: 'base64', contentType: 'text/markdown' },
          ...{ folder: '1aBc', drive: '0aBc' },
        },
      ],
    },
    {
      tool: 'events_list',
      connector,
      calls: [
        { start: SINCE, end: UNTIL },
        { start: SINCE, end: UNTIL, calendar },
      ],
    },
    {
      tool: 'events_create',
      connector,
      calls: [
        { title: 'Plan', start: '2026-01-31', end: '2026-02-01' },
        { calendar, ...event },
      ],
    },
    {
      tool: 'events_update',
      connector,
      calls: [
        { event: id, title: 'Plan' },
        { event: id, calendar, ...event },
      ],
    },
    { tool: 'events_delete', connector, calls: [{ event: id }, { event: id, calendar }] },
    {
      tool: 'free_busy',
      connector,
      calls: [
        { start: SINCE, end: UNTIL },
        { start: SINCE, end: UNTIL, people: ['anna@example.com'] },
      ],
    },
  ];
});

const PERSON = {
  ...{ firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.com', phone: '+4712345678' },
  ...{ company: 'Analytical Engines', jobTitle: 'Programmer' },
};
const CONTACTS = { hubspot: '501', intercom: '6762f0dd1bb69f9f2193bb83', salesforce: '003D000000QYVZkIAP' };
const contacts = Object.entries(CONTACTS).flatMap(([connector, contact]): UnifiedCalls[] => [
  { tool: 'contacts_list', connector, calls: [{}] },
  { tool: 'contacts_search', connector, calls: [{ query: 'ada' }] },
  { tool: 'contacts_create', connector, calls: [{ lastName: 'Lovelace', email: 'ada@example.com' }, PERSON] },
  {
    tool: 'contacts_update',
    connector,
    calls: [
      { contact, phone: '+4712345678' },
      { contact, ...PERSON },
    ],
  },
]);

/** Every unified tool for every connector that has it. */
export const CALLS: readonly UnifiedCalls[] = [...tasks, ...messages, ...office, ...contacts];
