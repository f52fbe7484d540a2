import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { mintServiceCreds } from '@keyward/nats-accounts';
import { createUserKey } from '../../apps/auth-service/src/nats-credentials/nkey.js';
import { credsFile } from '../../apps/auth-service/src/nats-credentials/creds-file.js';
import { createAgentsSigner, mintUserJwt } from '../../apps/auth-service/src/nats-credentials/user-jwt.js';
import { AuthHarness, type Tenant } from './harness.js';

let auth: AuthHarness;
let ours: Tenant;
let theirs: Tenant;
let gateway: NatsConnection;
const open: NatsConnection[] = [];

beforeAll(async () => {
  auth = await AuthHarness.start();
  [ours, theirs] = [await auth.tenant(), await auth.tenant()];
  const creds = await mintServiceCreds(auth.operator, 'AGENTS', 'gateway');
  gateway = await connect({ servers: auth.nats.url, authenticator: credsAuthenticator(Buffer.from(creds)) });
});
afterAll(async () => {
  await Promise.all([gateway, ...open].map((nc) => nc.close()));
  await auth.stop();
});

async function login(creds: string, agent: string): Promise<NatsConnection> {
  const nc = await connect({
    servers: auth.nats.url,
    authenticator: credsAuthenticator(Buffer.from(creds)),
    inboxPrefix: `_INBOX.${agent}`,
    reconnect: false,
  });
  open.push(nc);
  return nc;
}

async function issue({ org, agent }: Tenant): Promise<{ creds: string; natsUrl: string; expiresAt: string }> {
  const { status, body } = await auth.ask<{ creds: string; natsUrl: string; expiresAt: string }>(
    `/v1/agents/${agent}/nats-credentials`,
    {
      body: { organization: org },
    },
  );
  expect(status).toBe(201);
  return body;
}

describe('NATS credentials of an agent', () => {
  it('are short-lived, audited, and let it make its own calls', async () => {
    const issued = await issue(ours);
    expect(issued.natsUrl).toBe(auth.nats.url);
    const lifetimeMs = new Date(issued.expiresAt).getTime() - Date.now();
    expect(lifetimeMs).toBeGreaterThan(3_590_000);
    expect(lifetimeMs).toBeLessThanOrEqual(3_600_000);
    expect(await auth.auditEvent(ours.org, 'agent.nats_credentials_issued')).toMatchObject({ agent: ours.agent });

    const subject = `tool.execute.${ours.org}.${ours.agent}`;
    gateway.subscribe('tool.execute.*.*', { callback: (_error, message) => void message.respond(message.subject) });
    await gateway.flush();
    const agent = await login(issued.creds, ours.agent);
    const reply = await agent.request(subject, '{}', { timeout: 2_000 });
    expect(reply.string()).toBe(subject);
    const heard: string[] = [];
    agent.subscribe(`tool.result.${ours.org}.${ours.agent}.>`, {
      callback: (_error, message) => void heard.push(message.subject),
    });
    await agent.flush();
    gateway.publish(`tool.result.${ours.org}.${ours.agent}.exe_1`, '{}');
    await waitFor(() => heard.length === 1);
  });

  it('let it do nothing else', async () => {
    const agent = await login((await issue(ours)).creds, ours.agent);
    const refused: string[] = [];
    void (async () => {
      for await (const status of agent.status()) if (status.type === 'error') refused.push(status.error.message);
    })();
    const forbidden = [
      `tool.execute.${theirs.org}.${theirs.agent}`,
      `tool.execute.${ours.org}.${theirs.agent}`,
      `tool.execute.${theirs.org}.${ours.agent}`,
      `tool.result.${ours.org}.${ours.agent}.x`,
      `execution.requested.${ours.org}.${ours.agent}`,
      'control.revoked',
      'auth.v1.create_connect_session',
      '$JS.API.STREAM.PURGE.EXECUTIONS',
      `_INBOX.${theirs.agent}.x`,
    ];
    for (const [index, subject] of forbidden.entries()) {
      agent.publish(subject, '{}');
      await agent.flush();
      await waitFor(() => refused.length === index + 1, { what: `a refusal of publishing on ${subject}` });
    }
    const eavesdropping = [
      '>',
      'tool.execute.>',
      `tool.result.${theirs.org}.>`,
      `tool.result.${ours.org}.${theirs.agent}.>`,
      '_INBOX.>',
      '$SYS.>',
    ];
    for (const subject of eavesdropping) {
      const outcome = new Promise<unknown>((resolve) => agent.subscribe(subject, { callback: (error) => resolve(error) }));
      await agent.flush();
      expect(String(await outcome)).toMatch(/permission/i);
    }
  });

  it('that have expired open nothing', async () => {
    const signer = createAgentsSigner(auth.operator.accounts.AGENTS.publicKey, auth.operator.seeds.agentsSigning);
    const key = createUserKey();
    const past = { issuedAt: new Date(Date.now() - 60_000), expiresAt: new Date(Date.now() - 1_000) };
    const creds = credsFile(mintUserJwt(signer, { subject: key.publicKey, org: ours.org, agent: ours.agent, ...past }), key.seed);
    await expect(login(creds, ours.agent)).rejects.toThrow(/authorization/i);
  });

  it('signed by a key that the account does not know open nothing', async () => {
    const signer = createAgentsSigner(auth.operator.accounts.AGENTS.publicKey, auth.operator.seeds.KEYWARD);
    const key = createUserKey();
    const claims = {
      subject: key.publicKey,
      org: ours.org,
      agent: ours.agent,
      issuedAt: new Date(),
      expiresAt: new Date(Date.now() + 60_000),
    };
    await expect(login(credsFile(mintUserJwt(signer, claims), key.seed), ours.agent)).rejects.toThrow(/authorization/i);
  });
});
