import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Where one replica listens. */
export interface Backend {
  readonly port: number;
  /** Whether new connections may go there. */
  readonly ready: boolean;
}

/**
 * What a Kubernetes Service is to its pods: one address, each new connection goes to a replica that is ready, connections that exist stay
 * where they are. Bytes only: what is in them is the replicas' affair.
 */
export class Balancer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  constructor(private readonly backends: readonly Backend[]) {
    this.#server = createServer((client) => this.#serve(client));
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(client: Socket): void {
    const ready = this.backends.filter((backend) => backend.ready);
    const backend = ready[this.#turn++ % Math.max(1, ready.length)];
    this.#keep(client);
    if (backend === undefined) return void client.destroy();
    const upstream = connect({ port: backend.port, host: '127.0.0.1' });
    this.#keep(upstream);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.setNoDelay(true);
      from.pipe(to);
      from.once('error', () => to.destroy());
      from.once('close', () => to.destroySoon());
    }
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
