import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { testNats, type TestNats } from '@keyward/testing';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import {
  createNatsOperator,
  CUSTODY_CLIENT,
  CUSTODY_PERMISSIONS,
  mintServiceCreds,
  NATS_SERVICES,
  servicePermissions,
  type NatsOperator,
  type NatsPermissions,
  type NatsService,
} from '@keyward/nats-accounts';

const [ORG, AGENT, EXECUTION] = ['org_1', 'agt_2', 'exe_3'];

let operator: NatsOperator;
let nats: TestNats;
const open: NatsConnection[] = [];

beforeAll(async () => {
  operator = await createNatsOperator();
  nats = await testNats({ operator });
});
afterEach(async () => {
  for (const connection of open.splice(0)) await connection.close();
});
afterAll(() => nats.stop());

async function login(name: string, permissions: NatsPermissions): Promise<NatsConnection> {
  const creds = await mintServiceCreds(operator, 'KEYWARD', name, permissions);
  const authenticator = credsAuthenticator(new TextEncoder().encode(creds));
  const connection = await connect({ servers: nats.url, authenticator, reconnect: false });
  open.push(connection);
  return connection;
}

/** Which of the subjects nats-server refuses to take from this connection. */
async function refused(connection: NatsConnection, subjects: string[]): Promise<string[]> {
  const errors: string[] = [];
  const reading = (async () => {
    for await (const status of connection.status()) if (status.type === 'error') errors.push(String(status.error));
  })();
  for (const subject of subjects) connection.publish(subject, '{}');
  await connection.flush();
  await connection.close();
  await reading;
  return subjects.filter((subject) => errors.some((error) => error.includes(`"${subject}"`)));
}

const SAYINGS: Record<string, NatsService[]> = {
  // What has waited for a person is started again by the executor, and what was given up by an operator.
  [`execution.requested.${ORG}.${AGENT}.${EXECUTION}`]: ['auth-service', 'gateway', 'tool-executor'],
  [`execution.completed.${ORG}.${AGENT}.${EXECUTION}`]: ['tool-executor'],
  'credential.refresh.sandbox': ['auth-service', 'tool-executor'],
  [`connection.revoked.${ORG}`]: ['auth-service', 'token-refresher'],
  'control.revoked': ['auth-service'],
  'control.catalog_changed': ['auth-service'],
  'control.cancelled': ['tool-executor'],
  'execution.v1.cancel': ['gateway'],
  'execution.v1.waiting': ['gateway'],
  'execution.v1.outcome': ['tool-executor'],
  [`audit.${ORG}`]: ['audit-service', 'auth-service', 'gateway', 'token-refresher', 'tool-executor'],
  'auth.v1.create_connect_session': ['gateway', 'tool-executor'],
  'auth.v1.authenticate_workload': ['gateway'],
  'auth.v1.get_access_token': [],
  'auth.v1.disconnect_integration': [],
  'dead_letter.EXECUTIONS': ['tool-executor'],
  'dead_letter.REFRESH': ['token-refresher'],
  'dead_letter.AUDIT': ['audit-service'],
  'dead_letter.CONNECTIONS': ['auth-service', 'tool-executor'],
  '$JS.API.STREAM.PURGE.AUDIT': [],
  '$JS.API.STREAM.DELETE.AUDIT': [],
  '$JS.API.STREAM.MSG.DELETE.AUDIT': ['audit-service'],
  '$JS.API.STREAM.MSG.DELETE.EXECUTIONS': ['tool-executor'],
  '$JS.API.STREAM.MSG.DELETE.DEAD_LETTERS': ['auth-service'],
  '$JS.API.STREAM.MSG.DELETE.RESULTS': [],
};

describe('on the bus', () => {
  it.each(NATS_SERVICES)(
    '%s says what is its to say, and nothing that another service would be believed for',
    async (service) => {
      const forbidden = Object.entries(SAYINGS).filter(([, speakers]) => !speakers.includes(service));
      expect(await refused(await login(service, servicePermissions(service)), Object.keys(SAYINGS))).toEqual(
        forbidden.map(([subject]) => subject),
      );
    },
  );

  it('a platform asks for custody operations and how the service does, and says nothing else', async () => {
    const asks = ['auth.v1.get_access_token', 'auth.v1.get_oauth_url', '$SRV.PING', '$SRV.STATS.auth'];
    const connection = await login(CUSTODY_CLIENT.name, CUSTODY_PERMISSIONS);
    expect(await refused(connection, [...asks, ...Object.keys(SAYINGS), '_INBOX.x'])).toEqual(
      [...Object.keys(SAYINGS), '_INBOX.x'].filter((subject) => !/^auth\.v1\.(get|disconnect)/.test(subject)),
    );
  });

  it('a platform hears its own answers and nobody else’s', async () => {
    const connection = await login(CUSTODY_CLIENT.name, CUSTODY_PERMISSIONS);
    const refusals: string[] = [];
    const reading = (async () => {
      for await (const status of connection.status()) if (status.type === 'error') refusals.push(String(status.error));
    })();
    for (const subject of ['_INBOX.custody.1', '_INBOX.>', 'auth.v1.get_access_token', 'control.revoked']) {
      connection.subscribe(subject, { callback: () => undefined });
    }
    await connection.flush();
    await connection.close();
    await reading;
    expect(refusals.map((refusal) => /"([^"]+)"/.exec(refusal)?.[1])).toEqual([
      '_INBOX.>',
      'auth.v1.get_access_token',
      'control.revoked',
    ]);
  });

  it.each(NATS_SERVICES)('%s hears its own answers, and no token that a platform is given', async (service) => {
    const [answering, listening] = await Promise.all([
      login('auth-service', servicePermissions('auth-service')),
      login(service, servicePermissions(service)),
    ]);
    const heard: string[] = [];
    listening.subscribe('_INBOX.>', { callback: (_error, message) => void (message && heard.push(message.subject)) });
    listening.subscribe('_INBOX.custody.>', { callback: (_error, message) => void (message && heard.push(message.subject)) });
    await listening.flush();
    for (const subject of [`${CUSTODY_CLIENT.inboxPrefix}.1`, `${CUSTODY_CLIENT.inboxPrefix}.a.b`, '_INBOX.own.1']) {
      answering.publish(subject, '{"access_token":"canary"}');
    }
    await answering.flush();
    await listening.flush();
    expect(heard.filter(Boolean)).toEqual(['_INBOX.own.1']);
  });
});
