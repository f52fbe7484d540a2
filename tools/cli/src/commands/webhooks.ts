import {
  webhookEventTypes,
  type CreatedWebhookEndpoint,
  type WebhookDelivery,
  type WebhookEndpoint,
  type WebhookTest,
} from '@keyward/contracts';
import { Usage } from '../output/fail.js';
import type { Session } from '../session/session.js';
import { group, list, under } from './command.js';
import { moment } from './names.js';

const ALL = '/v1/webhook-endpoints';
const ID = { type: 'string', demandOption: true, describe: 'Id of the endpoint' } as const;
const EVENT = { type: 'string', array: true } as const;

const one = (id: string, rest = ''): string => `${ALL}/${encodeURIComponent(id)}${rest}`;

function stateOf({ enabled, disabledReason, failingSince }: WebhookEndpoint): string {
  if (!enabled) return disabledReason === null ? 'disabled' : `disabled (${disabledReason})`;
  return failingSince === null ? 'enabled' : `failing since ${moment(failingSince)}`;
}

function show({ out }: Session, endpoint: WebhookEndpoint): void {
  out.details({
    id: endpoint.id,
    url: endpoint.url,
    events: endpoint.events.join(' '),
    description: endpoint.description === '' ? undefined : endpoint.description,
    state: stateOf(endpoint),
    'old secret ends': moment(endpoint.previousSecretUntil) ?? undefined,
    since: moment(endpoint.createdAt),
  });
}

function tellSecret({ out }: Session, { id, secret }: CreatedWebhookEndpoint): void {
  out.say(`${id}  Its secret, shown this once; whoever receives verifies with it:`);
  out.say(secret);
}

const listing = under({
  command: 'list',
  describe: 'Addresses that are told of events',
  builder: (args) => args,
  handler: async (session) => {
    const { webhookEndpoints } = await session.admin.get<{ webhookEndpoints: WebhookEndpoint[] }>(await session.path(ALL));
    session.out.answer(webhookEndpoints, () =>
      session.out.table(
        webhookEndpoints,
        { ID: ({ id }) => id, URL: ({ url }) => url, STATE: stateOf, EVENTS: ({ events }) => events.join(' ') },
        'Nobody is told. Add an address: keyward webhooks add <address>',
      ),
    );
  },
});

const add = under({
  command: 'add <address>',
  describe: 'Tell an https address of events; the secret to verify with is shown this once',
  builder: (args) =>
    args
      // Not “url”: that is the option which says whom we talk to.
      .positional('address', { type: 'string', demandOption: true, describe: 'Where to' })
      .option('event', { ...EVENT, describe: `Of which: ${webhookEventTypes.join(', ')}. Left out: what needs somebody to act` })
      .option('description', { type: 'string', describe: 'For people' }),
  handler: async (session, { address: url, event, description }) => {
    const body = { organization: await session.org(), url, events: list(event), description };
    const made = await session.admin.post<CreatedWebhookEndpoint>(ALL, body);
    session.out.answer(made, () => {
      tellSecret(session, made);
      session.out.say(`Try it: keyward webhooks test ${made.id}`);
    });
  },
});

const get = under({
  command: 'get <id>',
  describe: 'One endpoint',
  builder: (args) => args.positional('id', ID),
  handler: async (session, { id }) => {
    const endpoint = await session.admin.get<WebhookEndpoint>(await session.path(one(id)));
    session.out.answer(endpoint, () => show(session, endpoint));
  },
});

const update = under({
  command: 'update <id>',
  describe: 'Change what is named; --enable one that was disabled',
  builder: (args) =>
    args
      .positional('id', ID)
      .option('to', { type: 'string', describe: 'Another address' })
      .option('event', { ...EVENT, describe: 'Of which events: exactly those named' })
      .option('description', { type: 'string', describe: 'For people' })
      .option('enable', {
        type: 'boolean',
        describe: '--no-enable: nothing more is sent, nor afterwards what happened meanwhile',
      }),
  handler: async (session, { id, to, event, description, enable }) => {
    const change = { url: to, events: list(event), description, enabled: enable };
    if (Object.values(change).every((value) => value === undefined))
      throw new Usage('Name what to change: --to, --event, --description, --enable or --no-enable.');
    const endpoint = await session.admin.patch<WebhookEndpoint>(await session.path(one(id)), change);
    session.out.answer(endpoint, () => show(session, endpoint));
  },
});

const remove = under({
  command: 'remove <id>',
  describe: 'Tell it nothing more, and forget what it was sent',
  builder: (args) => args.positional('id', ID),
  handler: async (session, { id }) => {
    await session.admin.delete(await session.path(one(id)));
    session.out.say(`${id} is removed.`);
  },
});

const rotateSecret = under({
  command: 'rotate-secret <id>',
  describe: 'A new secret, shown this once; messages are signed with the old one too for a while',
  builder: (args) =>
    args
      .positional('id', ID)
      .option('overlap', { type: 'number', default: 86_400, describe: 'How long the old one is good, in seconds' }),
  handler: async (session, { id, overlap }) => {
    const made = await session.admin.post<CreatedWebhookEndpoint>(await session.path(one(id, '/rotate-secret')), {
      overlapSeconds: overlap,
    });
    session.out.answer(made, () => tellSecret(session, made));
  },
});

const test = under({
  command: 'test <id>',
  describe: 'Send a webhook.test now, and see what comes back',
  builder: (args) => args.positional('id', ID),
  handler: async (session, { id }) => {
    const result = await session.admin.post<WebhookTest>(await session.path(one(id, '/test')));
    session.out.answer(result, () =>
      session.out.details({
        delivered: result.delivered ? 'yes' : 'no',
        status: result.status ?? undefined,
        error: result.error ?? undefined,
        message: result.message,
        took: `${Math.round(result.durationMs)} ms`,
      }),
    );
    if (!result.delivered) process.exitCode = 1;
  },
});

const deliveries = under({
  command: 'deliveries <id>',
  describe: 'What it was sent in the last 30 days and how that went, newest first',
  builder: (args) => args.positional('id', ID),
  handler: async (session, { id }) => {
    const sent = await session.all<WebhookDelivery>('deliveries', one(id, '/deliveries'));
    session.out.answer(sent, () =>
      session.out.table(
        sent,
        {
          MESSAGE: (delivery) => delivery.id,
          EVENT: ({ type }) => type,
          STATE: ({ state }) => state,
          ATTEMPTS: ({ attempts }) => attempts,
          ANSWER: ({ status, error }) => status ?? error,
          ABOUT: ({ connection, providerApp }) => connection ?? providerApp,
          NEXT: ({ nextAttemptAt }) => moment(nextAttemptAt),
        },
        'It was sent nothing.',
      ),
    );
  },
});

export const webhooks = group(
  'webhooks',
  'Addresses that are told of what happens to connections',
  listing,
  add,
  get,
  update,
  remove,
  rotateSecret,
  test,
  deliveries,
);
