import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createNatsOperator, mintServiceCreds, type NatsOperator } from '@keyward/embedded';
import { testNats, type TestNats } from '@keyward/testing';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { SERVICES, type ServiceName } from './names.js';
import { servicePermissions } from './nats-users.js';

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

async function login(service: ServiceName): Promise<NatsConnection> {
  const creds = await mintServiceCreds(operator, 'KEYWARD', service, servicePermissions(service));
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

const SAYINGS: Record<string, ServiceName[]> = {
  [`execution.requested.${ORG}.${AGENT}`]: ['gateway'],
  [`execution.completed.${ORG}.${AGENT}.${EXECUTION}`]: ['tool-executor'],
  'credential.refresh.sandbox': ['tool-executor'],
  [`connection.revoked.${ORG}`]: ['auth-service', 'token-refresher'],
  'control.revoked': ['auth-service'],
  [`audit.${ORG}`]: ['auth-service', 'gateway', 'token-refresher', 'tool-executor'],
  'auth.v1.create_connect_session': ['gateway', 'tool-executor'],
  'dead_letter.EXECUTIONS': ['tool-executor'],
  'dead_letter.REFRESH': ['token-refresher'],
  'dead_letter.AUDIT': ['audit-service'],
  '$JS.API.STREAM.PURGE.AUDIT': [],
  '$JS.API.STREAM.DELETE.AUDIT': [],
  '$JS.API.STREAM.MSG.DELETE.AUDIT': ['audit-service'],
  '$JS.API.STREAM.MSG.DELETE.EXECUTIONS': ['tool-executor'],
  '$JS.API.STREAM.MSG.DELETE.RESULTS': [],
};

describe('on the bus', () => {
  it.each(SERVICES)('%s says what is its to say, and nothing that another service would be believed for', async (service) => {
    const forbidden = Object.entries(SAYINGS).filter(([, speakers]) => !speakers.includes(service));
    expect(await refused(await login(service), Object.keys(SAYINGS))).toEqual(forbidden.map(([subject]) => subject));
  });
});
