import type { Tracer } from '@opentelemetry/api';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import type { DynamicModule, Type } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ConfigFragments, ConfigOf } from './config/fragment.js';

/** What the bootstrap gives a service: the only way to configuration, logs, metrics, readiness and drain. */
export interface ServiceHost<C> {
  readonly name: string;
  readonly config: C;
  readonly logger: Logger;
  /** Already holds the process and HTTP metrics. */
  readonly metrics: Registry;
  readonly tracer: Tracer;
  /** Aborts when the service is asked to stop. */
  readonly stopping: AbortSignal;
  /** `/readyz` answers 200 only while every check resolves within 2 s. */
  addReadiness(name: string, check: () => Promise<void> | void): void;
  /** Called in order of registration, after the doors are closed and work in flight has ended. */
  onDrain(name: string, close: () => Promise<void> | void): void;
  /**
   * Repeats `attempt` until it succeeds, so that a dependency may be absent at start: the service is alive but not ready meanwhile,
   * and says every 5 s what it waits for. Rejects only when the service is asked to stop.
   */
  waitFor<T>(dependency: string, attempt: () => Promise<T>): Promise<T>;
}

export interface ServiceOptions<F extends ConfigFragments> {
  /** As in metrics, traces and logs: `tool-executor`. */
  name: string;
  config: F;
  module: (host: ServiceHost<ConfigOf<F>>) => DynamicModule | Type | Promise<DynamicModule | Type>;
  /** The HTTP door; left out, the service has none. */
  http?: (config: ConfigOf<F>) => { host: string; port: number };
  /** Fastify plugins and parsers beyond JSON, before the routes are registered. */
  fastify?: (instance: FastifyInstance, host: ServiceHost<ConfigOf<F>>) => void | Promise<void>;
  /** Message doors, opened after the HTTP door and closed first. Called once the module exists. */
  strategies?: (host: ServiceHost<ConfigOf<F>>) => MessageDoor[];
}

/** `close` stops taking messages and resolves once those in flight have ended. Called again, it does nothing more. */
export type MessageDoor = CustomTransportStrategy;
