import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { listenError } from '../listen-error.js';
import { OPEN_METRICS_TYPE, openMetrics, prefersOpenMetrics } from './open-metrics.js';
import type { Readiness } from './readiness.js';

export interface OpsServer {
  url: string;
  close(): Promise<void>;
}

/** The operations port: for probes and scrapers, apart from the doors that agents and people use. */
export async function startOpsServer(
  address: { host: string; port: number },
  metrics: Registry,
  readiness: Readiness,
): Promise<OpsServer> {
  const server = createServer((request, response) => {
    answer(request, response, metrics, readiness).catch(() => respond(response, 500, 'text/plain', 'internal error\n'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(listenError('OPS', address, cause))).listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return {
    url: `http://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Registry,
  readiness: Readiness,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return respond(response, 405, 'text/plain', 'only GET\n');
  switch (request.url) {
    case '/metrics':
      return prefersOpenMetrics(request.headers.accept)
        ? respond(response, 200, OPEN_METRICS_TYPE, await openMetrics(metrics))
        : respond(response, 200, metrics.contentType, await metrics.metrics());
    // Alive means that the event loop answers. It asks no dependency: restarting us would not bring one back.
    case '/healthz':
      return respond(response, 200, 'application/json', '{"alive":true}');
    case '/readyz': {
      const report = await readiness.report();
      return respond(response, report.ready ? 200 : 503, 'application/json', JSON.stringify(report));
    }
    default:
      return respond(response, 404, 'text/plain', 'not found: /metrics, /healthz and /readyz are\n');
  }
}

function respond(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  response.end(body);
}
