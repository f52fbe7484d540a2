import type { NatsConnection } from '@nats-io/transport-node';
import type { LogPort } from './log-port.js';

/**
 * Whether a connection stands. The client keeps what is published while it does not, and throws it away when it dials again: an ack or
 * a reply sent then is lost without a sound. So whoever sends one asks here first.
 */
export interface Link {
  readonly up: boolean;
  /** Resolves once the connection stands again, is closed for good, or the signal says not to wait. */
  whenUp(signal?: AbortSignal): Promise<void>;
  /** Calls back after every reconnect. Returns how to stop that. */
  onReconnect(listener: () => void): () => void;
  /** Calls back with what the server refuses without saying which message it means, for as long as the connection exists. */
  onError(listener: (error: Error) => void): void;
}

const links = new WeakMap<NatsConnection, Link>();

export function linkOf(nc: NatsConnection): Link {
  return links.get(nc) ?? watchLink(nc);
}

export function watchLink(nc: NatsConnection, logger?: LogPort): Link {
  const listeners = new Set<() => void>();
  const errorListeners: ((error: Error) => void)[] = [];
  let down: PromiseWithResolvers<void> | undefined;
  const goUp = () => {
    down?.resolve();
    down = undefined;
  };
  const follow = async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        down ??= Promise.withResolvers();
        logger?.warn({ server: status.server }, 'the connection to NATS is lost');
      } else if (status.type === 'reconnect') {
        goUp();
        for (const listener of listeners) listener();
        logger?.info({ server: status.server }, 'the connection to NATS stands again');
      } else if (status.type === 'error') {
        logger?.error({ err: status.error }, 'NATS refused something');
        for (const listener of errorListeners) listener(status.error);
      }
    }
    goUp();
  };
  void follow();
  const link: Link = {
    get up() {
      return down === undefined;
    },
    whenUp: (signal) => (down === undefined ? Promise.resolve() : raced(down.promise, signal)),
    onReconnect: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onError: (listener) => void errorListeners.push(listener),
  };
  links.set(nc, link);
  return link;
}

function raced(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  if (signal.aborted) return Promise.resolve();
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  signal.addEventListener('abort', stop, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', stop));
}
