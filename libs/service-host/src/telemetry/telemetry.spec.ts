import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { waitFor } from '@keyward/testing';
import { Fixture } from '../../test/fixture.js';

interface ExportedSpan {
  name: string;
  traceId: string;
  parentSpanId?: string;
}

interface TraceExport {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: ExportedSpan[] }[];
  }[];
}

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

jest.setTimeout(120_000);

describe('the export of traces', () => {
  const exports: TraceExport[] = [];
  let collector: Server;
  let endpoint: string;
  let fixture: Fixture;

  beforeEach(async () => {
    exports.length = 0;
    collector = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        if (request.url === '/v1/traces') exports.push(JSON.parse(body) as TraceExport);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    fixture.kill('SIGKILL');
    await fixture.ended();
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
  });

  const spans = () =>
    exports.flatMap(({ resourceSpans }) => resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));

  it('sends a span per request, named by its route, under the trace of the caller, at the latest when the service stops', async () => {
    fixture = new Fixture('plain', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    const { http } = await fixture.line('fixture is serving');
    await fetch(`${String(http)}/slow?secret=canary`, {
      headers: { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, baggage: 'secret=canary' },
    });
    fixture.kill('SIGTERM');
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
    await waitFor(() => spans().length === 1);
    expect(spans()[0]).toMatchObject({ name: 'GET /slow', traceId: TRACE_ID, parentSpanId: SPAN_ID });
    const attributes = exports[0]?.resourceSpans[0]?.resource.attributes;
    expect(attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'fixture' } });
    expect(JSON.stringify(exports)).not.toContain('canary');
  });

  it('leaves traces out that are not sampled, but for those that fail', async () => {
    fixture = new Fixture('plain', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, KEYWARD_TRACE_SAMPLE_RATIO: '0' });
    const { http } = await fixture.line('fixture is serving');
    for (const path of ['slow', 'fail?secret=canary', 'slow']) await fetch(`${String(http)}/${path}`);
    fixture.kill('SIGTERM');
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
    await waitFor(() => spans().length > 0);
    expect(spans().map(({ name }) => name)).toEqual(['GET /fail']);
    expect(JSON.stringify(exports)).not.toContain('canary');
  });

  it('keeps no service from working or from stopping when nobody collects', async () => {
    fixture = new Fixture('plain', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_TIMEOUT: '500' });
    const { http } = await fixture.line('fixture is serving');
    expect((await fetch(`${String(http)}/slow`)).status).toBe(200);
    fixture.kill('SIGTERM');
    expect(await fixture.ended()).toEqual({ code: 0, signal: null });
  });
});
