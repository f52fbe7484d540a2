import { KeywardError } from '@keyward/contracts';
import { errors, type NatsConnection } from '@nats-io/transport-node';

/** Whether the connection is up right now, which the client tells only through its stream of status events. */
export class Link {
  #up = true;
  #closed = false;
  readonly #waiting = new Set<() => void>();

  /** @param onRefusedPublish called when the server refused something that was published. */
  constructor(nc: NatsConnection, onRefusedPublish: (error: Error) => void) {
    void this.#follow(nc, onRefusedPublish);
  }

  /** Resolves once the connection is up. @throws KeywardError `dependency_unavailable`: nothing was sent. */
  async up(timeoutMs: number): Promise<void> {
    if (!this.#up && !this.#closed) await this.#change(timeoutMs);
    if (!this.#up) throw new KeywardError('dependency_unavailable', 'The NATS server can not be reached; nothing was sent.');
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiting.add(done);
    });
  }

  async #follow(nc: NatsConnection, onRefusedPublish: (error: Error) => void): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') this.#up = false;
      else if (status.type === 'reconnect') this.#set(true);
      else if (status.type === 'error' && isRefusedPublish(status.error)) onRefusedPublish(status.error);
    }
    this.#closed = true;
    this.#set(false);
  }

  #set(up: boolean): void {
    this.#up = up;
    for (const done of this.#waiting) done();
  }
}

function isRefusedPublish(error: Error): boolean {
  return error instanceof errors.PermissionViolationError && error.operation === 'publish';
}
