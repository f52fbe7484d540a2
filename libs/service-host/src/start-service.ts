import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { trace } from '@opentelemetry/api';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Logger } from 'pino';
import type { ConfigFragments, ConfigOf } from './config/fragment.js';
import { hostConfig } from './config/host-config.js';
import { ConfigError, parseFragments, type Environment } from './config/load.js';
import type { MessageDoor, ServiceHost, ServiceOptions } from './host.js';
import { createHttpDoor, type HttpDoor } from './http/adapter.js';
import { KeywardExceptionFilter } from './http/exception-filter.js';
import { Lifecycle } from './lifecycle.js';
import { listenError } from './listen-error.js';
import { createLogger } from './log/logger.js';
import { NestLogger } from './log/nest-logger.js';
import { startOpsServer } from './ops/ops-server.js';
import { Readiness } from './ops/readiness.js';
import { observeBuild } from './telemetry/build-info.js';
import { startTelemetry } from './telemetry/telemetry.js';

export interface RunningService {
  readonly name: string;
  readonly logger: Logger;
  readonly drainTimeoutMs: number;
  readonly opsUrl: string;
  /** Resolves once every door is open, with the URL of the HTTP one; rejects when the service cannot start. */
  readonly started: Promise<{ httpUrl?: string }>;
  /** Closes the doors, lets work in flight end, closes what it used. Safe to call at any time, and more than once. */
  stop(): Promise<void>;
}

/** Starts a service in this process without touching the process itself: no signal handler, no exit. @throws ConfigError */
export async function startService<F extends ConfigFragments>(
  options: ServiceOptions<F>,
  env: Environment,
): Promise<RunningService> {
  const { host: own, service: config } = loadBoth(options.config, env);
  const logger = createLogger(options.name, own.logLevel);
  const telemetry = await startTelemetry(options.name, own.traces);
  const metrics = new Registry();
  metrics.setDefaultLabels({ service: options.name });
  collectDefaultMetrics({ register: metrics });
  observeBuild(metrics);
  const readiness = new Readiness(logger);
  const lifecycle = new Lifecycle(logger, readiness);
  const host: ServiceHost<ConfigOf<F>> = {
    name: options.name,
    config,
    logger,
    metrics,
    tracer: trace.getTracer(`keyward/${options.name}`),
    stopping: lifecycle.stopping,
    addReadiness: (name, check) => readiness.add(name, check),
    onDrain: (name, close) => lifecycle.onDrain(name, close),
    waitFor: (dependency, attempt) => lifecycle.waitFor(dependency, attempt),
  };
  const ops = await startOpsServer(own.ops, metrics, readiness);
  logger.info({ ops: ops.url }, 'operations port is open');
  const doors = openDoors(options, host, own.logRequests).then((open) => {
    readiness.endWait('start');
    logger.info({ http: open.httpUrl }, `${options.name} is serving`);
    return open;
  });
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    lifecycle.beginStop();
    const open = await doors.catch(() => undefined);
    await open?.close().catch((error: unknown) => logger.error({ err: error }, 'a door could not be closed'));
    await lifecycle.drain();
    await telemetry.shutdown().catch((error: unknown) => logger.warn({ err: error }, 'the last spans could not be sent'));
    await ops.close();
  };
  return {
    name: options.name,
    logger,
    drainTimeoutMs: own.drainTimeoutMs,
    opsUrl: ops.url,
    started: doors.then(({ httpUrl }) => (httpUrl === undefined ? {} : { httpUrl })),
    stop: () => (stopped ??= stop()),
  };
}

/** The host's own variables and the service's in one go, so that one message lists what is wrong with either. */
function loadBoth<F extends ConfigFragments>(fragments: F, env: Environment) {
  const problems = new Set<string>();
  const { host } = parseFragments({ host: hostConfig }, env, problems);
  const service = parseFragments(fragments, env, problems);
  if (problems.size > 0) throw new ConfigError([...problems]);
  return { host, service };
}

interface OpenDoors {
  httpUrl?: string;
  close(): Promise<void>;
}

async function openDoors<F extends ConfigFragments>(
  options: ServiceOptions<F>,
  host: ServiceHost<ConfigOf<F>>,
  logRequests: boolean,
): Promise<OpenDoors> {
  const { logger, metrics, tracer } = host;
  const module = await options.module(host);
  const http = createHttpDoor({ logger, logRequests, metrics, tracer });
  await options.fastify?.(http.instance, host);
  const app = await NestFactory.create<NestFastifyApplication>(module, http.adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new KeywardExceptionFilter(logger, http.routes));
  const messageDoors = options.strategies?.(host) ?? [];
  for (const strategy of messageDoors) app.connectMicroservice({ strategy }, { inheritAppConfig: true });
  await app.init();
  const httpUrl = options.http === undefined ? undefined : await listen(app, http, options.http(host.config));
  await app.startAllMicroservices();
  return { ...(httpUrl === undefined ? {} : { httpUrl }), close: () => closeDoors(app, http, messageDoors) };
}

async function listen(app: NestFastifyApplication, http: HttpDoor, address: { host: string; port: number }): Promise<string> {
  await app.listen(address.port, address.host).catch((cause: unknown) => {
    throw listenError('HTTP', address, cause);
  });
  const { port } = http.instance.server.address() as AddressInfo;
  return `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`;
}

/** No new connection first; then the message doors, whose work may still need what the module holds; then HTTP and the module. */
async function closeDoors(app: NestFastifyApplication, http: HttpDoor, messageDoors: MessageDoor[]): Promise<void> {
  http.instance.server.close();
  const stopHangingUp = http.connections.hangUp();
  await Promise.all(messageDoors.map((door) => door.close()));
  await app.close().finally(stopHangingUp);
}
