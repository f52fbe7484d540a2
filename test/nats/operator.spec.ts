import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { startNats, type NatsServer } from '@keyward/embedded';
import { createNatsOperator, mintAgentCreds, mintServiceCreds, type NatsOperator } from '@keyward/nats-accounts';

const ORG = 'org_0198f0a0000070008000000000000001';
const ADA = { org: ORG, agent: 'agt_0198f0a0000070008000000000000002' };
const EVE = { org: 'org_0198f0a0000070008000000000000003', agent: 'agt_0198f0a0000070008000000000000004' };

let storeDir: string;
let operator: NatsOperator;
let server: NatsServer;
let adaCreds: string;
let bridgeCreds: string;
let serviceCreds: string;
const open: NatsConnection[] = [];

beforeAll(async () => {
  storeDir = mkdtempSync(join(tmpdir(), 'keyward-operator-'));
  operator = await createNatsOperator();
  server = await startNats({ storeDir, operator });
  adaCreds = await mintAgentCreds(operator, ADA);
  const bridge = { publish: ['_INBOX.>', 'tool.result.>'], subscribe: ['tool.execute.>'] };
  bridgeCreds = await mintServiceCreds(operator, 'AGENTS', 'gateway', bridge);
  serviceCreds = await mintServiceCreds(operator, 'KEYWARD', 'service');
});
afterEach(async () => {
  for (const connection of open.splice(0)) await connection.close();
});
afterAll(async () => {
  await server.stop();
  rmSync(storeDir, { recursive: true, force: true });
});

async function login(creds: string, inboxPrefix?: string): Promise<NatsConnection> {
  const connection = await connect({
    servers: server.url,
    authenticator: credsAuthenticator(new TextEncoder().encode(creds)),
    reconnect: false,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  });
  open.push(connection);
  return connection;
}

const agentLogin = (): Promise<NatsConnection> => login(adaCreds, `_INBOX.${ADA.agent}`);
const bridgeLogin = (): Promise<NatsConnection> => login(bridgeCreds);

/** Resolves with the error that nats-server sends for an operation it does not permit. */
async function refusal(connection: NatsConnection): Promise<string> {
  for await (const status of connection.status()) if (status.type === 'error') return String(status.error);
  return 'the connection was closed without one';
}

/** Publishes, then waits for the round trip: by then a message that was let through has arrived. */
async function publishRefused(connection: NatsConnection, subject: string, reply?: string): Promise<string> {
  const refused = refusal(connection);
  connection.publish(subject, 'x', reply === undefined ? {} : { reply });
  await connection.flush();
  return refused;
}

describe('what an agent may do on the bus', () => {
  it('calls a tool on its own subject and gets the reply on its own inbox', async () => {
    const [agent, bridge] = [await agentLogin(), await bridgeLogin()];
    const seen: string[] = [];
    bridge.subscribe('tool.execute.*.*', {
      queue: 'gateway',
      callback: (_error, message) => {
        seen.push(message.subject);
        message.respond('receipt');
      },
    });
    await bridge.flush();
    const reply = await agent.request(`tool.execute.${ADA.org}.${ADA.agent}`, 'call', { timeout: 5_000 });
    expect(reply.string()).toBe('receipt');
    expect(seen).toEqual([`tool.execute.${ADA.org}.${ADA.agent}`]);
  });

  it('hears its own results and no one else’s', async () => {
    const [agent, bridge] = [await agentLogin(), await bridgeLogin()];
    const results = agent.subscribe(`tool.result.${ADA.org}.${ADA.agent}.>`);
    await agent.flush();
    bridge.publish(`tool.result.${EVE.org}.${EVE.agent}.exe_1`, 'not for ada');
    bridge.publish(`tool.result.${ADA.org}.${ADA.agent}.exe_2`, 'for ada');
    const { value } = await results[Symbol.asyncIterator]().next();
    expect(value.string()).toBe('for ada');
  });

  it.each([
    ['another agent’s call subject', `tool.execute.${EVE.org}.${EVE.agent}`],
    ['its own id under another organization', `tool.execute.${EVE.org}.${ADA.agent}`],
    ['its own result', `tool.result.${ADA.org}.${ADA.agent}.exe_1`],
    ['another agent’s inbox', `_INBOX.${EVE.agent}.1`],
    ['the JetStream API', '$JS.API.STREAM.PURGE.EXECUTIONS'],
    ['an internal subject', `execution.requested.${ADA.org}.${ADA.agent}`],
    ['the system account’s subjects', '$SYS.REQ.SERVER.PING'],
  ])('may not publish to %s', async (_what, subject) => {
    expect(await publishRefused(await agentLogin(), subject)).toMatch(/permissions violation.*publish/i);
  });

  it.each([
    ['another agent’s inbox', `_INBOX.${EVE.agent}.>`],
    ['every inbox', '_INBOX.>'],
    ['another agent’s results', `tool.result.${EVE.org}.${EVE.agent}.>`],
    ['every result of its organization', `tool.result.${ORG}.>`],
    ['the calls, as the gateway does', 'tool.execute.>'],
    ['everything', '>'],
  ])('may not subscribe to %s', async (_what, subject) => {
    const agent = await agentLogin();
    const refused = refusal(agent);
    agent.subscribe(subject, { callback: () => undefined });
    expect(await refused).toMatch(/permissions violation.*subscription/i);
  });

  it('reaches no stream by naming the JetStream API as reply subject', async () => {
    const keyward = await login(serviceCreds);
    const stream = JSON.stringify({ name: 'EXECUTIONS', subjects: ['execution.requested.*.*'], storage: 'memory' });
    await keyward.request('$JS.API.STREAM.CREATE.EXECUTIONS', stream);
    await keyward.request('execution.requested.a.b', 'kept');
    const [agent, bridge] = [await agentLogin(), await bridgeLogin()];
    const replies: (string | undefined)[] = [];
    bridge.subscribe('tool.execute.*.*', { callback: (_error, message) => void replies.push(message.reply) });
    await bridge.flush();
    agent.publish(`tool.execute.${ADA.org}.${ADA.agent}`, 'x', { reply: '$JS.API.STREAM.PURGE.EXECUTIONS' });
    await agent.flush();
    await bridge.flush();
    expect(replies).toEqual(['$JS.API.STREAM.PURGE.EXECUTIONS']);
    // Even a bridge that answered blindly could not: its account has no JetStream, and its user may not publish there.
    expect(await publishRefused(bridge, '$JS.API.STREAM.PURGE.EXECUTIONS')).toMatch(/permissions violation/i);
    const info = (await keyward.request('$JS.API.STREAM.INFO.EXECUTIONS')).json<{ state: { messages: number } }>();
    expect(info.state.messages).toBe(1);
  });

  it('is disconnected when its JWT expires', async () => {
    const agent = await login(await mintAgentCreds(operator, ADA, 2));
    expect(String(await agent.closed())).toMatch(/expired/i);
  });

  it('is not let in with a JWT that has expired', async () => {
    await expect(login(await mintAgentCreds(operator, ADA, -10))).rejects.toThrow(/authorization|expired/i);
  });

  it('is not let in with a JWT of another operator', async () => {
    const forged = await mintAgentCreds(await createNatsOperator(), ADA);
    await expect(login(forged)).rejects.toThrow(/authorization/i);
  });
});

describe('accounts', () => {
  it('keep AGENTS and KEYWARD apart: a message of one is not heard in the other', async () => {
    const keyward = await login(serviceCreds);
    const heard: string[] = [];
    keyward.subscribe('tool.execute.>', { callback: (_error, message) => void heard.push(message.subject) });
    await keyward.flush();
    const agent = await agentLogin();
    agent.publish(`tool.execute.${ADA.org}.${ADA.agent}`, 'x');
    await agent.flush();
    await keyward.flush();
    expect(heard).toEqual([]);
  });

  it('give JetStream to KEYWARD only', async () => {
    const keyward = await login(serviceCreds);
    expect((await keyward.request('$JS.API.INFO')).json()).toMatchObject({ limits: { max_storage: -1 } });
    const agents = await login(await mintServiceCreds(operator, 'AGENTS', 'unlimited'));
    await expect(agents.request('$JS.API.INFO', '', { timeout: 2_000 }).then((m) => m.json())).resolves.toMatchObject({
      error: { err_code: 10039 },
    });
  });

  it('are the same again from the kept seeds', async () => {
    const again = await createNatsOperator(operator.seeds);
    expect(again.accounts.AGENTS.publicKey).toBe(operator.accounts.AGENTS.publicKey);
    await expect(login(await mintAgentCreds(again, ADA))).resolves.toBeDefined();
  });
});
