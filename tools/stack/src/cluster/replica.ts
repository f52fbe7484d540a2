import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runChild } from '../process/child.js';
import { newLog } from '../process/logs.js';
import { Supervised, type Running } from '../process/supervised.js';
import { DRAIN_TIMEOUT_MS, nodeFlags, serviceEnvironment, type ServiceSettings } from '../services/definitions.js';
import type { ServiceName } from '../services/names.js';
import { untilReady } from '../services/readiness.js';

/** What Kubernetes waits before it kills, over the service's own drain. */
const STOP_TIMEOUT_MS = DRAIN_TIMEOUT_MS + 2_000;
const POLL_MS = 20;

export interface ReplicaPorts {
  /** Of its HTTP door, where the service has one. */
  door: number;
  operations: number;
}

export interface ReplicaOptions {
  service: ServiceName;
  index: number;
  ports: ReplicaPorts;
  settings: ServiceSettings;
  env: Record<string, string>;
  tell: (message: string) => void;
}

/** How long it took, in ms. */
export interface Restarted {
  drained: number;
  ready: number;
}

/** One of several processes of a service, out of an image's directory. */
export class Replica {
  readonly name: string;
  #open = false;
  #supervised: Supervised | undefined;

  constructor(private readonly options: ReplicaOptions) {
    this.name = `${options.service}-${options.index}`;
  }

  get service(): ServiceName {
    return this.options.service;
  }

  /** Whether new connections may go there. */
  get ready(): boolean {
    return this.#open && this.pid > 0;
  }

  /** Of its HTTP door. */
  get port(): number {
    return this.options.ports.door;
  }

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.options.ports.operations}/metrics`;
  }

  get #readyUrl(): string {
    return `http://127.0.0.1:${this.options.ports.operations}/readyz`;
  }

  get pid(): number {
    return this.#supervised?.pid ?? 0;
  }

  /** @param image the directory that `npm run image` made */
  async start(image: string, signal: AbortSignal): Promise<void> {
    const { settings, tell } = this.options;
    const logFile = newLog(settings.paths.logs, this.name);
    const launch = (): Promise<Running> => this.#launch(image, logFile);
    this.#supervised = new Supervised({ name: this.name, logFile, launch, tell });
    await this.#supervised.start();
    await untilReady(this.#supervised, this.#readyUrl, signal);
    this.#open = true;
  }

  /** Asks it to drain, and waits until it has. New connections go elsewhere from the start. */
  async stop(): Promise<void> {
    this.#open = false;
    await this.#supervised?.stop();
  }

  /** As a crash would; it is started again, and resolves when it is ready. @returns how long it was away, in ms */
  async crash(signal: AbortSignal): Promise<number> {
    const supervised = this.#supervised;
    if (supervised === undefined) throw new Error(`${this.name} does not run`);
    const { pid } = this;
    const began = performance.now();
    supervised.kill('SIGKILL');
    while (this.pid === pid || this.pid === 0) await delay(POLL_MS, undefined, { signal });
    this.#open = false;
    await untilReady(supervised, this.#readyUrl, signal);
    this.#open = true;
    return performance.now() - began;
  }

  /** As a rollout does it: the old one drains and ends, the new one starts. */
  async restart(image: string, signal: AbortSignal): Promise<Restarted> {
    const began = performance.now();
    await this.stop();
    const drained = performance.now();
    await this.start(image, signal);
    return { drained: drained - began, ready: performance.now() - drained };
  }

  #launch(image: string, logFile: string): Promise<Running> {
    const { service, ports, settings, env } = this.options;
    const script = join(image, 'apps', service, 'dist', 'main.js');
    if (!existsSync(script)) throw new Error(`${script} is not there. Assemble the image first: npm run image -- --out DIR`);
    const own = { ...settings.secrets.ports, [service]: ports.door, [`${service} metrics`]: ports.operations };
    const environment = serviceEnvironment(service, {
      ...settings,
      connectorsDir: join(image, 'connectors'),
      secrets: { ...settings.secrets, ports: own },
    });
    return runChild({
      ...{ script, logFile, stopTimeoutMs: STOP_TIMEOUT_MS },
      nodeFlags: nodeFlags(service),
      env: { ...environment, ...env },
    });
  }
}
