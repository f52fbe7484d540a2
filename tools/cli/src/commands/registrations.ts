import { readFileSync } from 'node:fs';
import type { providerAppSchema } from '@keyward/contracts';
import type { z } from 'zod';
import { secretInput } from '../output/confirm.js';
import type { Session } from '../session/session.js';
import { pairs, under } from './command.js';
import { moment } from './names.js';

type Registration = z.infer<typeof providerAppSchema>;

async function all(session: Session): Promise<Registration[]> {
  const path = await session.path('/v1/provider-apps');
  return (await session.admin.get<{ providerApps: Registration[] }>(path)).providerApps;
}

export const registrations = under({
  command: 'registrations',
  describe: 'Your OAuth clients at providers; never their secrets',
  builder: (args) => args,
  handler: async (session) => {
    const apps = await all(session);
    session.out.answer(apps, () => {
      session.out.table(
        apps,
        {
          PROVIDER: ({ provider }) => provider,
          STATUS: ({ status }) => status,
          'CLIENT ID': ({ clientId }) => clientId,
          'REDIRECT URI': ({ redirectUri }) => redirectUri,
          SINCE: ({ createdAt }) => moment(createdAt),
        },
        'None yet: keyward providers register <name> --client-id <id>',
      );
      for (const app of apps) sayRejection(session, app);
    });
  },
});

function sayRejection({ out }: Session, { provider, clientId, rejected }: Registration): void {
  if (rejected === null) return;
  out.say('');
  out.say(`${provider} has been rejected since ${moment(rejected.at)}, and is tried again at ${moment(rejected.retryAt)}.`);
  out.say(`  ${rejected.reason}`);
  out.say(`  With other credentials it goes on at once: keyward providers register ${provider} --client-id ${clientId}`);
}

export const register = under({
  command: 'register <name>',
  describe: 'Register your OAuth client at a provider, or replace it; the secret is read from standard input',
  builder: (args) =>
    args
      .positional('name', { type: 'string', demandOption: true, describe: 'Name of the provider' })
      .option('client-id', { type: 'string', describe: 'Left out for an MCP server: it is discovered, and a client made there' })
      .option('secret', { type: 'boolean', default: true, describe: '--no-secret: the client has none' })
      .option('private-key', { type: 'string', describe: 'A file: PEM, for assertions and certificates' })
      .option('certificate', { type: 'string', describe: 'A file: PEM' })
      .option('set', { type: 'string', array: true, describe: 'A parameter of the registration, such as tenant=acme' }),
  handler: async (session, { name, clientId, secret, privateKey, certificate, set }) => {
    const hasSecret = clientId !== undefined && secret;
    const registration = {
      ...(clientId === undefined ? {} : { clientId }),
      ...(hasSecret ? { clientSecret: await secretInput('Client secret: ') } : {}),
      ...(privateKey === undefined ? {} : { privateKey: readFileSync(privateKey, 'utf8') }),
      ...(certificate === undefined ? {} : { certificate: readFileSync(certificate, 'utf8') }),
      ...(set === undefined ? {} : { parameters: pairs(set) }),
    };
    const organization = await session.org();
    const before = (await all(session)).find(({ provider }) => provider === name);
    const app =
      before === undefined
        ? await session.admin.post<Registration>('/v1/provider-apps', { organization, provider: name, ...registration })
        : await session.admin.put<Registration>(`/v1/provider-apps/${before.id}`, { organization, ...registration });
    session.out.answer(app, () => {
      session.out.say(before === undefined ? `Registered at ${name}.` : `The registration at ${name} is replaced.`);
      if (before?.status === 'rejected') session.out.say('It was rejected; its connections are tried again within a minute.');
      session.out.say(`The provider must know this redirect URI: ${app.redirectUri}`);
    });
  },
});
