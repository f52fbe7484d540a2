import { inspect } from 'node:util';
import { Writable } from 'node:stream';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newId, type ExecutionResult } from '@keyward/contracts';
import { createCredentials, privateKeyContext, type Credentials } from '@keyward/credentials';
import { createEgress, type Egress } from '@keyward/egress';
import type { JetStreamContext } from '@keyward/jetstream';
import { otherClient, startMtlsServer, testCa, testClient, type MtlsAnswer } from '@keyward/testing/mtls';
import { MemoryDataKeyStore, MemoryKms } from '@keyward/vault/testing';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { pino } from 'pino';
import { InFlight } from '../../apps/tool-executor/src/bus/in-flight.js';
import { Cancellations } from '../../apps/tool-executor/src/cancel/cancellations.js';
import { Executor } from '../../apps/tool-executor/src/executor.js';
import { findSecret } from '../e2e/support/find-secret.js';
import { Workbench } from './workbench.js';

const TOKEN = 'access-token-bound-to-a-certificate';
const TOOLS = `
- name: bank_get
  title: Get
  description: A tool of the tests.
  effect: read
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: GET, path: '/things/{id}' }
- name: bank_create
  title: Create
  description: A tool of the tests.
  effect: write
  input: { type: object, properties: { id: { type: string } }, required: [id] }
  request: { method: POST, path: /things, body: { id: $.id } }
`;
const exporter = new InMemorySpanExporter();
const tracers = new TracerProvider({ sampler: new AlwaysOnSampler(), spanProcessors: [new SimpleSpanProcessor({ exporter })] });
const trusted = getCACertificates('default');

let bench: Workbench;
let credentials: Credentials;
let egress: Egress;
let bank: Awaited<ReturnType<typeof startMtlsServer>>;
let elsewhere: Awaited<ReturnType<typeof startMtlsServer>>;
let answer: MtlsAnswer;
let keysOpened: number;

beforeAll(async () => {
  setDefaultCACertificates([...trusted, testCa]);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(tracers);
  bench = await Workbench.start();
  bank = await startMtlsServer((...request) => answer(...request));
  elsewhere = await startMtlsServer(() => [200, { gotHere: true }]);
  egress = createEgress({ privateOrigins: [bank.origin, elsewhere.origin] });
  const dataKeys = new MemoryDataKeyStore();
  dataKeys.addOrganization(bench.org);
  credentials = createCredentials({ kms: new MemoryKms(), dataKeys });
  bench.parts.egress = egress;
  bench.parts.credentials = {
    open: (ref, use) => credentials.open(ref, use),
    openSecret: (sealedFor, sealed, use) => (keysOpened++, credentials.openSecret(sealedFor, sealed, use)),
  };
});
afterAll(async () => {
  await egress.close();
  await Promise.all([bench.stop(), bank.stop(), elsewhere.stop()]);
  context.disable();
  trace.disable();
  setDefaultCACertificates(trusted);
});

beforeEach(async () => {
  bench.reset();
  exporter.reset();
  keysOpened = 0;
  answer = (subject, _body, { authorization }) =>
    subject === 'client.test' && authorization === `Bearer ${TOKEN}` ? [200, { ok: true }] : [403, { seen: subject ?? null }];
  deploy('client_certificate: true');
  await connect();
  await register(testClient);
});

function deploy(more: string): void {
  const auth = `auth: { kind: oauth2_client_credentials, token_endpoint: '${bank.origin}/token' }`;
  const places = `base_url: ${bank.origin}\norigins: ['${bank.origin}', '${elsewhere.origin}']`;
  bench.deploy('bank', `name: bank\ntitle: Bank\n${auth}\n${places}\n${more}\n`, TOOLS);
}

async function connect(): Promise<void> {
  const { id: connection, generation } = bench.connection;
  const { sealedAccess } = await credentials.sealTokens({ org: bench.org, connection, generation, accessToken: TOKEN });
  bench.connection.sealedAccess = sealedAccess;
}

/** What the database answers of the registration. */
async function register(pair: { certificate: string; privateKey: string }, sealedFor: { id?: string; generation?: number } = {}) {
  const app = newId('app');
  const ref = { org: bench.org, id: app, generation: 2, ...sealedFor };
  const sealedKey = await credentials.sealSecret(privateKeyContext(ref), pair.privateKey);
  bench.connection.clientCertificate = { app, generation: 2, certificate: pair.certificate, sealedKey };
}

describe('a provider that wants to see the certificate of the registration at its API', () => {
  it('sees it with every request, and the key is open for one request at a time', async () => {
    expect(await bench.call('bank_get')).toMatchObject({ state: 'succeeded', output: { ok: true } });
    expect(await bench.call('bank_create')).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect(keysOpened).toBe(2);
  });

  it('sees it again when a request is repeated, and when it sends on to another path of its own', async () => {
    let asked = 0;
    answer = (subject, _body, { url }) => {
      if (subject !== 'client.test') return [403, {}];
      if (asked++ === 0) return [503, {}];
      return url === '/things/one' ? [307, {}, { location: '/moved' }] : [200, { url }];
    };
    expect(await bench.call('bank_get')).toMatchObject({ state: 'succeeded', output: { url: '/moved' }, attempts: 2 });
    expect(keysOpened).toBe(2);
  });

  it('sees none where the manifest does not ask for it, and the key stays closed', async () => {
    deploy('');
    expect(await bench.call('bank_get')).toMatchObject({
      state: 'failed',
      error: { providerStatus: 403, providerBody: { seen: null } },
    });
    expect(keysOpened).toBe(0);
  });

  it('sees another registration’s where it is another registration, and refuses it', async () => {
    await register(otherClient);
    expect(await bench.call('bank_get')).toMatchObject({
      state: 'failed',
      error: { code: 'provider_error', providerStatus: 403, providerBody: { seen: 'other.test' } },
    });
  });

  it('does not have it shown to another origin that it sends on to, though the credential might go there', async () => {
    answer = () => [307, {}, { location: `${elsewhere.origin}/things/one` }];
    expect(await bench.call('bank_get')).toMatchObject({ state: 'denied', error: { code: 'egress_denied' } });
    expect(elsewhere.connections()).toBe(0);
  });
});

describe('nothing is sent', () => {
  const refusedUnsent = async (expected: object) => {
    const before = bank.connections();
    for (const tool of ['bank_get', 'bank_create'])
      expect(await bench.call(tool)).toMatchObject({ state: 'failed', ...expected });
    expect(bank.connections()).toBe(before);
  };

  it('without a certificate: what is missing is said before the intent of a write is stored', async () => {
    bench.connection.clientCertificate = null;
    const key = 'once';
    const first = await bench.call('bank_create', { idempotencyKey: key });
    expect(first).toMatchObject({ state: 'failed', attempts: 0, error: { code: 'invalid_request' } });
    expect(first.error?.detail).toContain('has no client certificate');
    await refusedUnsent({ attempts: 0, error: { code: 'invalid_request' } });
    // It was never begun, so the same key serves once the certificate is there.
    await register(testClient);
    expect(await bench.call('bank_create', { idempotencyKey: key })).toMatchObject({ state: 'succeeded' });
  });

  it.each([
    ['registration', { id: newId('app') }],
    ['generation', { generation: 1 }],
  ])('with a key that was sealed for another %s', async (_what, sealedFor) => {
    await register(testClient, sealedFor);
    await refusedUnsent({ attempts: 0, error: { code: 'internal' } });
  });

  it('with a key that is not the certificate’s', async () => {
    await register({ certificate: testClient.certificate, privateKey: otherClient.privateKey });
    await refusedUnsent({ error: { code: 'invalid_request' } });
  });
});

describe('the key', () => {
  it('is in no result, record, log line, span or metric, however the call ends', async () => {
    const seen: unknown[] = [];
    const executor = executorInto(seen);
    const { registered, broken, lost } = {
      registered: () => register(testClient),
      broken: () => register({ certificate: testClient.certificate, privateKey: otherClient.privateKey }),
      lost: () => register(testClient, { generation: 1 }),
    };
    for (const prepare of [registered, broken, lost]) {
      await prepare();
      seen.push(await handled(executor, 'bank_get'), await handled(executor, 'bank_create'));
    }
    answer = () => [500, {}];
    await registered();
    seen.push(await handled(executor, 'bank_create'));
    expect(seen.length).toBeGreaterThan(14);
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['execute_tool bank_get', 'GET /things/{id}']));
    const everything = [seen, bench.audited, spans].map((each) => inspect(each, { depth: 20, maxStringLength: null }));
    everything.push(await bench.metrics.metrics());
    for (const { privateKey } of [testClient, otherClient]) {
      for (const line of privateKey.split('\n').filter((each) => each.length > 20 && !each.startsWith('-----'))) {
        expect(everything.map((text) => findSecret(line, Buffer.from(text))).filter(Boolean)).toEqual([]);
      }
    }
  });

  function executorInto(seen: unknown[]): Executor {
    const sink = new Writable({ write: (chunk: Buffer, _encoding, done) => (seen.push(chunk.toString()), done()) });
    return new Executor({
      parts: bench.parts,
      inFlight: new InFlight(),
      ...{ cancellations: new Cancellations(), notices: { send: async () => undefined }, clock: { now: Date.now } },
      publisher: { publish: async (_subject, payload) => void seen.push(payload) },
      tracer: trace.getTracer('test'),
      logsCalls: true,
      logger: pino({ level: 'trace' }, sink),
    });
  }

  async function handled(executor: Executor, tool: string): Promise<ExecutionResult> {
    const request = bench.request(tool);
    const replies: ExecutionResult[] = [];
    const message: JetStreamContext = {
      subject: `execution.requested.${request.org}.${request.agent}.${request.id}`,
      headers: undefined,
      deliveries: 1,
      storedAt: Date.now(),
      replyTo: '_INBOX.x',
      signal: new AbortController().signal,
      reply: async (payload) => void replies.push(payload as ExecutionResult),
    };
    await tracers.getTracer('test').startActiveSpan('message', async (span) => {
      await executor.handle(request, message);
      span.end();
    });
    return replies[0] as ExecutionResult;
  }
});
