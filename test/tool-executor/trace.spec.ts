import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { findSecret } from '../e2e/support/find-secret.js';
import { OtlpCollector } from '../e2e/support/otlp-collector.js';
import { CONNECTOR } from './acme.js';
import { System } from './system.js';

const TOKEN = 'canary-access-token-0123456789';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

let collector: OtlpCollector;
beforeAll(async () => {
  collector = new OtlpCollector();
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = await collector.start();
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '50';
});
afterAll(async () => {
  delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  delete process.env['OTEL_BSP_SCHEDULE_DELAY'];
  await collector.stop();
});

describe('the trace of an execution', () => {
  it('goes from the message through the tool into a provider of the house and to the audit event, and tells nothing of its content', async () => {
    const system = await System.start(`${CONNECTOR}propagate_trace: true\n`);
    const executor = await system.startExecutor({
      OTEL_EXPORTER_OTLP_ENDPOINT: process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '',
    });
    await executor.started;
    const request = system.request(await system.person(TOKEN), 'acme_get', { arguments: { id: 'argument-canary' } });
    const result = await (await system.ask(request, JSON.stringify(request), TRACEPARENT)).reply;
    await executor.stop();
    const [audit] = await system.auditEvents(result.id);
    const seen = system.upstream.requests[0]?.headers['traceparent'];
    await system.stop();

    expect([result.traceId, audit?.traceId]).toEqual([TRACE_ID, TRACE_ID]);
    await waitFor(() => collector.trace(TRACE_ID).length >= 4);
    const spans = new Map(collector.trace(TRACE_ID).map((span) => [span.name, span]));
    const [message, tool, provider, audited] = [
      spans.get('process execution.requested.*.*.*'),
      spans.get('execute_tool acme_get'),
      spans.get('GET /things/{id}'),
      spans.get('publish audit.*'),
    ];
    expect([tool?.parentSpanId, provider?.parentSpanId, audited?.parentSpanId]).toEqual([
      message?.spanId,
      tool?.spanId,
      tool?.spanId,
    ]);
    expect(seen).toBe(`00-${TRACE_ID}-${provider?.spanId}-01`);
    expect(tool?.attributes).toMatchObject({ 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'acme_get' });
    expect(provider?.attributes).toMatchObject({ 'http.request.method': 'GET', 'url.template': '/things/{id}' });
    for (const canary of [TOKEN, 'argument-canary']) {
      expect(collector.bodies.map((body) => findSecret(canary, body)).filter(Boolean)).toEqual([]);
    }
  }, 60_000);
});
