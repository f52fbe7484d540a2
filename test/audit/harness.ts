import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { buildAuditEvent, verifyChain, type AuditEventFields, type ChainVerdict } from '@keyward/audit';
import { newId, streams, subjects, type AuditEvent, type AuditRecord, type DeadLetter } from '@keyward/contracts';
import { connectNats, createPublisher, ensureTopology, type Publisher } from '@keyward/jetstream';
import { createLogin, migrate } from '@keyward/postgres';
import { startService, type RunningService } from '@keyward/service-host';
import { testNats, testPostgres, waitFor, type TestNats, type TestPostgres } from '@keyward/testing';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { auditService } from '../../apps/audit-service/src/service.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789';

export interface Replica {
  service: RunningService;
  url: string;
}

/** audit-service on a real PostgreSQL and a real nats-server: in this process, or in one that can be killed. */
export class AuditHarness {
  private readonly services: RunningService[] = [];
  private readonly children: ChildProcess[] = [];

  private constructor(
    readonly nats: TestNats,
    readonly nc: NatsConnection,
    readonly jsm: JetStreamManager,
    /** As superuser: what a test looks at, or breaks. */
    readonly database: pg.Pool,
    private readonly postgres: TestPostgres,
    private readonly env: Record<string, string>,
    private readonly publisher: Publisher,
  ) {}

  static async start(postgres?: TestPostgres, more: Record<string, string> = {}): Promise<AuditHarness> {
    const [server, nats] = await Promise.all([postgres ?? testPostgres(), testNats()]);
    await migrate(server.url);
    await createLogin(server.url, { service: 'audit', login: 'audit_login', password: 'audit' });
    const login = new URL(server.url);
    [login.username, login.password] = ['audit_login', 'audit'];
    const nc = await connectNats({ servers: [nats.url], name: 'test' });
    await ensureTopology(nc);
    const database = new pg.Pool({ connectionString: server.url, max: 4 });
    database.on('error', () => undefined);
    const env = {
      KEYWARD_DATABASE_URL: login.href,
      KEYWARD_NATS_URL: nats.url,
      KEYWARD_HTTP_PORT: '0',
      KEYWARD_OPS_PORT: '0',
      KEYWARD_ADMIN_TOKEN: ADMIN_TOKEN,
      KEYWARD_LOG_LEVEL: process.env['KEYWARD_LOG_LEVEL'] ?? 'fatal',
      ...more,
    };
    return new AuditHarness(nats, nc, await jetstreamManager(nc), database, server, env, createPublisher(nc));
  }

  /** @param options audit-service, watched */
  async startReplica(options = auditService(), more: Record<string, string> = {}): Promise<Replica> {
    const service = await this.beginReplica(options, more);
    const { httpUrl } = await service.started;
    return { service, url: httpUrl ?? '' };
  }

  /** One that may still be waiting for what it needs. */
  async beginReplica(options = auditService(), more: Record<string, string> = {}): Promise<RunningService> {
    const service = await startService(options, { ...this.env, ...more });
    this.services.push(service);
    return service;
  }

  /** The service's main module, as a process of its own. */
  startProcess(): ChildProcess {
    const loader = ['--conditions=@keyward/source', '--no-warnings', '--import', './test/support/source-loader.mjs'];
    const child = spawn(process.execPath, [...loader, 'apps/audit-service/src/main.ts'], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...this.env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.children.push(child);
    return child;
  }

  async endProcess(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit');
    child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }

  async stopReplicas(): Promise<void> {
    await Promise.all(this.services.splice(0).map((service) => service.stop()));
  }

  async stop(): Promise<void> {
    await this.stopReplicas();
    for (const child of this.children) await this.endProcess(child, 'SIGKILL');
    await this.nc.close();
    await this.database.end();
    await this.nats.stop();
    await this.postgres.stop();
  }

  /** As audit-service is signed in. */
  get databaseUrl(): string {
    return this.env['KEYWARD_DATABASE_URL'] ?? '';
  }

  async publish(...events: AuditEvent[]): Promise<void> {
    await Promise.all(
      events.map((event) => this.publisher.publish(subjects.audit(event.org), event, { msgId: event.id, timeoutMs: 20_000 })),
    );
  }

  /** Anything at all, as a component gone wrong might. */
  async publishRaw(subject: string, bytes: string | Uint8Array): Promise<void> {
    await this.nc.request(subject, bytes, { timeout: 5000 });
  }

  async waiting(): Promise<number> {
    return (await this.jsm.streams.info(streams.audit)).state.messages;
  }

  /** Until the service has taken everything, one way or the other. */
  async settled(): Promise<void> {
    await waitFor(async () => (await this.waiting()) === 0, { timeoutMs: 25_000, what: 'the stream AUDIT to be empty' });
  }

  /** Past triggers and policies, as only a superuser can. */
  async tamper(...statements: [text: string, values?: unknown[]][]): Promise<void> {
    const superuser = await this.database.connect();
    await superuser.query(`BEGIN; SET LOCAL session_replication_role = 'replica'`);
    for (const [text, values] of statements) await superuser.query(text, values);
    await superuser.query('COMMIT');
    superuser.release();
  }

  async chain(org: string): Promise<AuditRecord[]> {
    const { rows } = await this.database.query<{ body: AuditEvent; seq: string; prev: string; hash: string }>(
      `SELECT body, seq, encode(prev_hash, 'hex') AS prev, encode(hash, 'hex') AS hash FROM audit.event WHERE org_id = $1 ORDER BY seq`,
      [org],
    );
    return rows.map((row) => ({ event: row.body, seq: Number(row.seq), prevHash: row.prev, hash: row.hash }));
  }

  /** Verified against the stored head, too. */
  async verdict(org: string): Promise<ChainVerdict> {
    const { rows } = await this.database.query<{ seq: string; hash: string }>(
      `SELECT seq, encode(hash, 'hex') AS hash FROM audit.chain_head WHERE org_id = $1`,
      [org],
    );
    const [head] = rows;
    return verifyChain(
      await this.chain(org),
      head === undefined ? {} : { checkpoint: { seq: Number(head.seq), hash: head.hash } },
    );
  }

  async deadLetters(): Promise<DeadLetter[]> {
    const { state } = await this.jsm.streams.info(streams.deadLetters);
    const letters: DeadLetter[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
      const message = await this.jsm.streams.getMessage(streams.deadLetters, { seq });
      if (message !== null) letters.push(message.json<DeadLetter>());
    }
    return letters;
  }

  async ask<T = Record<string, unknown>>(
    { url }: Replica,
    path: string,
    headers: Record<string, string> = { authorization: `Bearer ${ADMIN_TOKEN}` },
  ): Promise<{ status: number; headers: Headers; body: T }> {
    const response = await fetch(`${url}${path}`, { headers });
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  }

  async metric({ service }: Replica, name: string): Promise<number[]> {
    const text = await (await fetch(`${service.opsUrl}/metrics`)).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  }
}

export function event(fields: Partial<AuditEventFields> = {}, at = new Date()): AuditEvent {
  return buildAuditEvent(
    {
      type: 'execution.completed',
      org: newId('org'),
      actor: { kind: 'agent', id: 'agt_1' },
      traceId: newId('evt').slice(4),
      ...fields,
    },
    at,
  );
}

export const events = (count: number, fields: Partial<AuditEventFields> = {}): AuditEvent[] =>
  Array.from({ length: count }, () => event(fields));
