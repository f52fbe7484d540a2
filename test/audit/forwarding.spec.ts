import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@keyward/contracts';
import { createDataSource } from '@keyward/postgres';
import { waitFor } from '@keyward/testing';
import { Webhook } from 'standardwebhooks';
import type { DataSource } from 'typeorm';
import { destinationSchema } from '../../apps/audit-service/src/forward/destination.js';
import { Forwarder } from '../../apps/audit-service/src/forward/forwarder.js';
import { otlpEncoding } from '../../apps/audit-service/src/forward/otlp-encoding.js';
import { Sender } from '../../apps/audit-service/src/forward/send.js';
import { webhookEncoding } from '../../apps/audit-service/src/forward/webhook-encoding.js';
import { AuditHarness, event, events } from './harness.js';
import { decodeLogs, partialSuccess } from './otlp-wire.js';
import { Receiver } from './receiver.js';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const TOKEN = 'token-that-nobody-may-log';

let audit: AuditHarness;
let database: DataSource;
let dir: string;
let receiver: Receiver;
let logged: string[] = [];
const counts = new Map<string, number>();
const running = new Set<Forwarder>();
let destinations = 0;

beforeAll(async () => {
  audit = await AuditHarness.start();
  await audit.startReplica();
  database = await createDataSource({ url: audit.databaseUrl, applicationName: 'forwarding', poolSize: 8 }).initialize();
  dir = mkdtempSync(path.join(tmpdir(), 'forwarding-'));
  writeFileSync(path.join(dir, 'token'), `${TOKEN}\n`);
  writeFileSync(path.join(dir, 'secret'), SECRET);
});
afterEach(async () => {
  await Promise.all([...running].map((forwarder) => forwarder.stop()));
  running.clear();
  counts.clear();
  await receiver.stop();
  // Whatever happened: neither logs nor rows know a secret, or what of the address may be one.
  expect(logged.join('\n')).not.toMatch(/nobody-may-log|token-of-url|whsec_/);
  logged = [];
});
afterAll(async () => {
  await database.destroy();
  await audit.stop();
  rmSync(dir, { recursive: true });
});

/** Stored, with this number of events; later ones are stored as they come. */
async function trailOf(count: number, fields = {}): Promise<string> {
  const org = newId('org');
  await audit.publish(...events(count, { org, ...fields }));
  await audit.settled();
  return org;
}

async function forward(org: string, more: object = {}): Promise<Forwarder> {
  const name = 'name' in more ? String(more.name) : `to-${++destinations}`;
  const destination = destinationSchema.parse({
    ...{ name, kind: 'webhook', url: receiver.url, organizations: [org], from: 'beginning', ...more },
  });
  const encoding = destination.kind === 'webhook' ? webhookEncoding(destination.format) : await otlpEncoding('audit-service');
  const log = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const forwarder = new Forwarder({
    ...{ database, destination, sender: new Sender(destination, encoding), log: { info: log, warn: log, error: log } },
    metrics: { count: (_, outcome, number) => void counts.set(outcome, (counts.get(outcome) ?? 0) + number) },
    pollMs: 20,
  });
  running.add(forwarder);
  forwarder.start();
  return forwarder;
}

async function end(forwarder: Forwarder): Promise<void> {
  running.delete(forwarder);
  await forwarder.stop();
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
const whole = async (org: string, last: number): Promise<void> => {
  const all = async (): Promise<boolean> => {
    // Replicas wait before they try again; a test need not.
    await audit.database.query('UPDATE audit.forward_destination SET retry_at = NULL WHERE retry_at IS NOT NULL');
    return new Set(receiver.seqs(org)).size === last;
  };
  await waitFor(all, { timeoutMs: 20_000, what: `${last} events to be taken` });
};

describe('the trail is forwarded', () => {
  it('whole and in the order of its chain, with what proves both', async () => {
    receiver = await Receiver.start();
    const org = await trailOf(250);
    await forward(org, {
      batch: 100,
      headers: { 'x-token': { file: path.join(dir, 'token'), prefix: 'Splunk ' }, 'x-plain': 'a' },
    });
    await whole(org, 250);
    expect(receiver.seqs(org)).toEqual(upTo(250));
    const [first] = receiver.taken;
    expect(first?.headers).toMatchObject({ 'x-token': `Splunk ${TOKEN}`, 'x-plain': 'a', 'content-type': 'application/json' });
    const chain = await audit.chain(org);
    expect(receiver.records.map(({ event: sent, seq, prevHash, hash }) => ({ event: sent, seq, prevHash, hash }))).toEqual(chain);
    await audit.publish(event({ org }));
    await whole(org, 251);
    await waitFor(() => counts.get('delivered') === 251);
    expect([...counts].filter(([outcome, number]) => outcome !== 'delivered' && number > 0)).toEqual([]);
  });

  it('signed, as Standard Webhooks has it', async () => {
    receiver = await Receiver.start();
    const org = await trailOf(2);
    await forward(org, { secretFile: path.join(dir, 'secret') });
    await whole(org, 2);
    const [{ headers, body }] = receiver.taken as [(typeof receiver.taken)[0]];
    expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toHaveLength(2);
  });

  it('from now on where nothing else is said, and then also of who was not there yet', async () => {
    receiver = await Receiver.start();
    const org = await trailOf(5);
    const later = newId('org');
    await forward(org, { from: 'now', organizations: [org, later] });
    await waitFor(
      async () => (await audit.database.query(`SELECT FROM audit.forward_position WHERE org_id = $1`, [org])).rowCount === 1,
    );
    await audit.publish(event({ org }), ...events(3, { org: later }));
    await waitFor(() => receiver.seqs(org).length + receiver.seqs(later).length === 4);
    expect([receiver.seqs(org), receiver.seqs(later)]).toEqual([[6], [1, 2, 3]]);
  });

  it('of the types that are asked for, and past the others', async () => {
    receiver = await Receiver.start();
    const org = await trailOf(30);
    await audit.publish(event({ org, type: 'connection.revoked' }), ...events(30, { org }));
    await audit.settled();
    await forward(org, { types: ['connection.revoked'], batch: 10 });
    await waitFor(() => receiver.records.length === 1);
    await waitFor(async () => (await positionOf(org)) === 61);
    expect(receiver.requests).toHaveLength(1);
    expect(receiver.records[0]?.event.type).toBe('connection.revoked');
  });

  it('as OTLP logs', async () => {
    receiver = await Receiver.start();
    const org = newId('org');
    const denied = event({ org, tool: 'sandbox_echo', agent: 'agt_1', user: 'ada', state: 'denied', errorCode: 'forbidden' });
    await audit.publish(denied);
    await audit.settled();
    await audit.publish(event({ org, state: 'failed', providerStatus: 503 }), event({ org, type: 'connection.authorized' }));
    await audit.settled();
    await forward(org, { kind: 'otlp_logs' });
    await waitFor(() => receiver.taken.length > 0);
    expect(receiver.taken[0]?.headers['content-type']).toBe('application/x-protobuf');
    const logs = receiver.taken.flatMap(({ body }) => decodeLogs(body));
    expect(logs.map(({ severityText }) => severityText).sort()).toEqual(['ERROR', 'INFO', 'WARN']);
    const [first] = await audit.chain(org);
    expect(logs[0]).toMatchObject({
      resource: { 'service.name': 'audit-service', 'service.namespace': 'keyward' },
      ...{ atMs: Date.parse(denied.at), severity: 13, traceId: denied.traceId, eventName: 'keyward.execution.completed' },
      body: 'execution.completed sandbox_echo denied (forbidden) by agent agt_1',
      attributes: {
        ...{ 'log.record.uid': denied.id, 'user.id': 'ada', 'gen_ai.agent.id': 'agt_1', 'gen_ai.tool.name': 'sandbox_echo' },
        ...{ 'error.type': 'forbidden', 'keyward.organization': org, 'keyward.chain.seq': 1, 'keyward.chain.hash': first?.hash },
      },
    });
    expect(JSON.parse(String(logs[0]?.attributes['log.record.original']))).toEqual(denied);
  });
});

describe('a destination', () => {
  it('that is down gets everything once it is up', async () => {
    receiver = await Receiver.start();
    const { port } = receiver;
    await receiver.stop();
    const org = await trailOf(120);
    await forward(org, { batch: 50 });
    await waitFor(() => logged.join('\n').includes('ECONNREFUSED'));
    expect(counts.get('failed')).toBeGreaterThan(0);
    receiver = await Receiver.start(port);
    await whole(org, 120);
    expect(receiver.seqs(org)).toEqual(upTo(120));
  });

  it.each<[string, Parameters<Receiver['answers']>[0], RegExp]>([
    ['answers 500', 500, /answered 500/],
    ['answers 401', 401, /answered 401/],
    ['redirects', (response) => void response.writeHead(307, { location: '/elsewhere' }).end(), /answered 307/],
    ['answers too late', () => undefined, /TimeoutError/],
    [
      'breaks off within its answer',
      (response) => void response.writeHead(200, { 'content-length': '9' }).write('half', () => response.destroy()),
      /no whole answer/,
    ],
    ['ends the connection', (response) => void response.destroy(), /no whole answer/],
  ])('that %s gets the same again until it takes it', async (_what, answer, reason) => {
    receiver = await Receiver.start();
    receiver.answers(answer);
    const org = await trailOf(20);
    await forward(org, { batch: 10, timeoutSeconds: 1, secretFile: path.join(dir, 'secret') });
    await waitFor(() => receiver.requests.length > 0 && logged.some((line) => reason.test(line)));
    expect(await positionOf(org)).toBe(0);
    receiver.answers();
    await whole(org, 20);
    expect(receiver.seqs(org)).toEqual(upTo(20));
    const [one, again] = receiver.requests;
    expect(again?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
    expect(again?.body).toEqual(one?.body);
  });

  it('gets again what it took when the one who sent it died before noting it', async () => {
    receiver = await Receiver.start();
    const taking = Promise.withResolvers<() => void>();
    receiver.answers((response) => taking.resolve(() => response.writeHead(200).end()));
    const org = await trailOf(20);
    await forward(org, { batch: 10 });
    const answer = await taking.promise;
    await audit.database.query(
      `SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND a.application_name = 'forwarding'`,
    );
    receiver.answers();
    answer();
    await whole(org, 20);
    expect(receiver.seqs(org)).toEqual([...upTo(10), ...upTo(20)]);
  });

  it('is sent to by one replica at a time, and by the other when that is gone', async () => {
    receiver = await Receiver.start();
    let [now, most] = [0, 0];
    receiver.answers((response) => {
      most = Math.max(most, ++now);
      void delay(5).then(() => {
        now--;
        response.writeHead(200).end();
      });
    });
    const org = await trailOf(300);
    const name = 'by-two';
    const [first] = await Promise.all([forward(org, { name, batch: 5 }), forward(org, { name, batch: 5 })]);
    await waitFor(() => receiver.seqs(org).length > 100);
    await end(first);
    await whole(org, 300);
    expect(receiver.seqs(org)).toEqual(upTo(300));
    expect(most).toBe(1);
  });

  it('that refuses one event holds up that organization, and no other', async () => {
    receiver = await Receiver.start();
    const cursed = event({ tool: 'cursed' });
    const org = cursed.org;
    await audit.publish(...events(5, { org }));
    await audit.settled();
    await audit.publish(cursed);
    await audit.settled();
    await audit.publish(...events(5, { org }));
    const others = await Promise.all([trailOf(40), trailOf(40)]);
    receiver.answers((response, { body }) => void response.writeHead(body.includes('"cursed"') ? 422 : 200).end());
    await forward(org, { organizations: [org, ...others], batch: 60, name: 'picky' });
    await waitFor(() => logged.some((line) => line.includes('refuses an event')), { timeoutMs: 20_000 });
    for (const other of others) await whole(other, 40);
    expect(receiver.seqs(org)).toEqual(upTo(5));
    expect(logged.filter((line) => line.includes('refuses an event'))[0]).toContain(`"first":"${org} 6"`);
    receiver.answers();
    // What a person would do who has mended the receiver and does not want to wait.
    await audit.database.query(`UPDATE audit.forward_position SET retry_at = NULL WHERE org_id = $1`, [org]);
    await whole(org, 11);
    expect(receiver.seqs(org)).toEqual(upTo(11));
    expect(counts.get('refused')).toBeGreaterThan(0);
  });

  it('of OTLP that keeps a part is told of as such, and not sent it again', async () => {
    receiver = await Receiver.start();
    receiver.answers(
      (response) => void response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(partialSuccess(2, 'too old')),
    );
    const org = await trailOf(10);
    await forward(org, { kind: 'otlp_logs' });
    await waitFor(() => counts.get('rejected') === 2);
    await waitFor(async () => (await positionOf(org)) === 10);
    expect(counts.get('delivered')).toBe(8);
    expect(logged.join('\n')).toContain('too old');
    expect(receiver.requests).toHaveLength(1);
  });

  it('is told of what left the trail before its turn', async () => {
    receiver = await Receiver.start();
    const org = await trailOf(10);
    const superuser = await audit.database.connect();
    await superuser.query(`BEGIN; SET LOCAL session_replication_role = 'replica'`);
    await superuser.query('DELETE FROM audit.event WHERE org_id = $1 AND seq <= 4', [org]);
    await superuser.query('COMMIT');
    superuser.release();
    await forward(org);
    await waitFor(() => counts.get('missing') === 4);
    expect(receiver.seqs(org)).toEqual([5, 6, 7, 8, 9, 10]);
  });
});

it('audit-service forwards to what its file says, tells how far that is, and goes on where it was after a restart', async () => {
  receiver = await Receiver.start();
  const { port } = receiver;
  const org = await trailOf(10);
  const file = path.join(dir, 'forward.yaml');
  writeFileSync(file, `- {name: siem, kind: webhook, url: "${receiver.url}", organizations: [${org}], from: beginning}\n`);
  const replica = await audit.startReplica(undefined, { KEYWARD_AUDIT_FORWARD_FILE: file });
  await whole(org, 10);
  await waitFor(async () => (await audit.metric(replica, 'audit_forward_lag_seconds'))[0] === 0);
  expect(await audit.metric(replica, 'audit_forwarded_total')).toEqual([10, 0, 0, 0, 0]);
  await receiver.stop();
  await audit.publish(event({ org }));
  await audit.settled();
  await waitFor(async () => ((await audit.metric(replica, 'audit_forward_lag_seconds'))[0] ?? 0) > 0);
  await replica.service.stop();
  receiver = await Receiver.start(port);
  await audit.startReplica(undefined, { KEYWARD_AUDIT_FORWARD_FILE: file });
  await waitFor(() => receiver.seqs(org).length === 1);
  expect(receiver.seqs(org)).toEqual([11]);
});

async function positionOf(org: string): Promise<number> {
  const { rows } = await audit.database.query<{ seq: string }>(
    'SELECT max(seq) AS seq FROM audit.forward_position WHERE org_id = $1',
    [org],
  );
  return Number(rows[0]?.seq ?? 0);
}
