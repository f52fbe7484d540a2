import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const LOOK_EVERY_MS = 20;
/** For a request that is on its way to us while we stop. */
const GRACE_MS = 1_000;

/**
 * The connections of a server, so that it can end. Node's server, once closed, no longer looks at the time, and takes a connection for idle
 * only behind its first answer: one that sends no request, or half of one, would keep the process for as long as the client likes.
 */
export class Connections {
  /** Requests of each that are not answered yet. */
  readonly #pending = new Map<Socket, number>();

  constructor(private readonly server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#pending.set(socket, 0);
      socket.once('close', () => this.#pending.delete(socket));
    });
    server.on('request', ({ socket }, response: ServerResponse) => {
      this.#add(socket, 1);
      response.once('close', () => this.#add(socket, -1));
    });
  }

  /**
   * To be called when the server is closed: lets what was asked be answered, and hangs up behind it.
   * @returns what ends the hanging up
   */
  hangUp(): () => void {
    const began = performance.now();
    const timer = setInterval(() => {
      // A connection that was busy when the server closed would be kept alive after its answer, and keep us alive with it.
      this.server.closeIdleConnections();
      if (performance.now() - began < GRACE_MS) return;
      for (const [socket, pending] of this.#pending) if (pending === 0) socket.destroy();
    }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }

  #add(socket: Socket, change: 1 | -1): void {
    const pending = this.#pending.get(socket);
    if (pending !== undefined) this.#pending.set(socket, pending + change);
  }
}
