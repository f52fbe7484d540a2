import { afterAll, describe, expect, it } from '@jest/globals';
import { connectUser } from '@keyward/stack';
import { waitFor } from '@keyward/testing';
import { OtlpCollector } from './support/otlp-collector.js';
import { auditOf, callTool, wholeSystem } from './support/whole-system.js';

/** Spans whose parent is not in the same trace. */
function withoutParent<Span extends { spanId: string; parentSpanId?: string | undefined }>(spans: readonly Span[]): Span[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !ids.has(parentSpanId));
}

describe('one trace', () => {
  const collector = new OtlpCollector();
  const system = wholeSystem(async () => ({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: await collector.start(), OTEL_BSP_SCHEDULE_DELAY: '100' },
  }));
  afterAll(() => collector.stop());

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
