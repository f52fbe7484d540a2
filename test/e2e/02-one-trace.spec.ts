import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectUser } from '@keyward/stack';
import { waitFor } from '@keyward/testing';
import { OtlpCollector } from './support/otlp-collector.js';
import { documentedMetrics, familyOf, scrape, type Scrape } from './support/scrape.js';
import { auditOf, callTool, wholeSystem } from './support/whole-system.js';

/** Spans whose parent is not in the same trace. */
function withoutParent<Span extends { spanId: string; parentSpanId?: string | undefined }>(spans: readonly Span[]): Span[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !ids.has(parentSpanId));
}

const collector = new OtlpCollector();
const system = wholeSystem(async () => ({
  env: { OTEL_EXPORTER_OTLP_ENDPOINT: await collector.start(), OTEL_BSP_SCHEDULE_DELAY: '100' },
}));
afterAll(() => collector.stop());

describe('one trace', () => {
  it('goes from the agent’s call through the gateway, the bus and the executor to the provider and the audit trail', async () => {
    await connectUser(system.stack);
    const result = await callTool(system, 'sandbox_create_note', { arguments: { title: 'Traced' } });
    const { traceId } = result;
    await auditOf(system, traceId);
    // Each service sends its spans in batches of its own, a span's children often before it: whole is when nothing hangs in the air.
    const orphans = () => withoutParent(collector.trace(traceId));
    const services = () => new Set(collector.trace(traceId).map((span) => span.service));
    await waitFor(
      () => ['gateway', 'tool-executor', 'audit-service'].every((service) => services().has(service)) && orphans().length === 0,
    );

    const spans = collector.trace(traceId);
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
    expect(roots.map(({ service, name }) => [service, name])).toEqual([['gateway', 'POST /v1/tools/:tool/execute']]);
    expect(orphans()).toEqual([]);

    const named = (pattern: RegExp) => spans.find(({ name }) => pattern.test(name));
    expect(named(/^execute_tool sandbox_create_note$/)?.service).toBe('tool-executor');
    expect(named(/execution\.requested/)?.attributes).toMatchObject({ 'messaging.system': 'nats' });
    expect(named(/^POST \/notes$/)).toMatchObject({ service: 'tool-executor', kind: 3 });
    expect(spans.some(({ service, name }) => service === 'audit-service' && name.includes('audit'))).toBe(true);
  });
});

/** What would be a series for each organization, person, agent, connection, key or address that there is. */
const IDENTIFYING = [
  /(^|[^a-z])(org|agt|conn|usr|exe|key|evt|ses|cs|msg|app|ckp|bgt|hld|wep)_[0-9a-z]{8,}/i,
  /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}/i,
  /[0-9a-f]{24,}/i,
  /@/,
  /\d{1,3}(\.\d{1,3}){3}/,
  /made[-_]up/i,
];
const MOST_SERIES = 4_000;

describe('metrics of the running stack', () => {
  const scrapes = new Map<string, Scrape>();

  beforeAll(async () => {
    const { org, user, gatewayUrl, authUrl } = system.stack.info;
    const origin = 'https://own.example';
    const manifest = `name: made_up_own\ntitle: Own\nauth: { kind: api_key }\nbase_url: ${origin}\norigins: ['${origin}']\n`;
    const tools = `
- name: made_up_tool
  title: Get
  description: A tool of the tests.
  effect: read
  input: { type: object }
  request: { method: GET, path: /things }
`;
    await system.admin.post('/v1/connectors', { organization: org, manifest, tools });
    const hostile = ['made_up_tool', `made_up_${user}`, 'made-up%2e%2e', org, 'x'.repeat(64)];
    await Promise.allSettled([
      ...hostile.map((tool) => callTool(system, tool)),
      ...hostile.map((name) => fetch(`${gatewayUrl}/made-up/${name}?user=${user}`, { method: 'PROPFIND' })),
      ...hostile.map((name) => fetch(`${authUrl}/oauth/callback/${name}?state=made-up&error=made-up`)),
      ...hostile.map((name) => fetch(`${gatewayUrl}/v1/tools`, { headers: { authorization: `Bearer kwa_made-up_${name}` } })),
    ]);
    for (const [service, url] of Object.entries(system.stack.info.metrics)) scrapes.set(service, await scrape(url));
  });

  it('name nobody and nothing that somebody made up, and are of a bounded number', () => {
    const { user, org } = system.stack.info;
    for (const [service, { series }] of scrapes) {
      for (const { name, labels } of series) {
        for (const [label, value] of Object.entries(labels)) {
          const isIdentifying = IDENTIFYING.some((pattern) => pattern.test(value)) || value.includes(user) || value.includes(org);
          expect([service, name, label, isIdentifying ? value : '']).toEqual([service, name, label, '']);
        }
      }
      expect([service, series.length < MOST_SERIES]).toEqual([service, true]);
    }
    const posted = scrapes.get('tool-executor')?.series.concat(scrapes.get('gateway')?.series ?? []);
    expect(posted?.some(({ labels }) => labels['connector'] === 'posted' && labels['tool'] === 'posted')).toBe(true);
  });

  it('are those of docs/telemetry.md, with these types and labels in these services, and no others', () => {
    const documented = documentedMetrics();
    const rows = (metrics: typeof documented) =>
      metrics.flatMap(({ name, type, services }) => services.map((service) => `${service} ${name} ${type}`));
    const there = [...scrapes].flatMap(([service, { families }]) => {
      return Array.from(families, ([name, type]) => `${service} ${name} ${type}`);
    });
    const mayLack = new Set(rows(documented.filter(({ optional }) => optional)));
    expect(there.filter((row) => !mayLack.has(row)).sort()).toEqual(rows(documented.filter(({ optional }) => !optional)).sort());
    const labelsOf = new Map(documented.map(({ name, labels }) => [name, new Set([...labels, 'service', 'le'])]));
    for (const { families, series } of scrapes.values()) {
      for (const { name, labels } of series) {
        const known = labelsOf.get(familyOf(name, families));
        expect([name, Object.keys(labels).filter((label) => known?.has(label) !== true)]).toEqual([name, []]);
      }
    }
  });

  it('say how the bus, the pool and the trail do', () => {
    const value = (name: string, labels: Record<string, string> = {}) =>
      [...scrapes.values()]
        .flatMap(({ series }) => series)
        .find((one) => one.name === name && Object.entries(labels).every(([label, text]) => one.labels[label] === text))?.value;
    for (const [stream, consumer] of [
      ['EXECUTIONS', 'tool-executor'],
      ['REFRESH', 'token-refresher'],
      ['AUDIT', 'audit-service'],
    ] as const) {
      for (const metric of ['pending', 'ack_pending', 'redelivered', 'oldest_seconds'])
        expect([stream, metric, value(`jetstream_consumer_${metric}`, { stream, consumer })]).toEqual([
          stream,
          metric,
          expect.any(Number),
        ]);
    }
    expect(value('jetstream_stream_messages', { stream: 'RESULTS' })).toBeGreaterThan(0);
    expect(value('jetstream_stream_limit_bytes', { stream: 'AUDIT' })).toBeGreaterThan(0);
    expect(value('postgres_pool_max_connections')).toBeGreaterThan(0);
    expect(value('audit_events_total', { type: 'execution.completed' })).toBeGreaterThan(0);
  });

  it('show the trace of a call to a scraper that asks for OpenMetrics', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0';
    const text = await (await fetch(system.stack.info.metrics['tool-executor'] ?? '', { headers: { accept } })).text();
    const [, traceId = ''] =
      /^tool_execution_duration_seconds_bucket\{.*tool="sandbox_create_note".*# \{trace_id="(\w+)"/m.exec(text) ?? [];
    expect(collector.trace(traceId).map(({ name }) => name)).toContain('execute_tool sandbox_create_note');
  });
});
